import { type Agent, type IncomingMessage, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { Head, Opened, Sent } from './opened.ts'

/** Sends a request over HTTP/1.1; with an agent, on a connection that is kept. */
export function openHttp1(
  { hostname: host, port }: URL,
  { method, path, headers, body }: Sent,
  agent: Agent | false,
): Opened {
  const sent = request({ host, port, agent, method, path, headers })
  const informational: number[] = []
  sent.on('information', ({ statusCode }) => informational.push(statusCode))
  const coming = new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve)
    sent.on('error', reject)
  })
  // Whoever wants the response hears of the error; nobody has to want it.
  coming.catch(() => {})
  // With an expectation the body waits for the server's word.
  if (headers.expect) sent.once('continue', () => sent.end(body)).flushHeaders()
  else sent.end(body)
  let pieces: AsyncIterator<Buffer> | undefined
  return {
    informational,
    head: async () => headOf(await coming),
    async read() {
      pieces ??= (await coming)[Symbol.asyncIterator]()
      const { value } = await pieces.next()
      return value?.toString()
    },
    async answer() {
      const res = await coming
      const bytes = await buffer(res)
      const { trailers } = res
      return { ...headOf(res), body: bytes.toString(), bytes, informational, trailers }
    },
    abort: () => void sent.destroy(),
  }
}

function headOf({ statusCode = 0, statusMessage = '', rawHeaders }: IncomingMessage): Head {
  return {
    status: statusCode,
    statusMessage,
    header: (name) =>
      rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name),
  }
}
