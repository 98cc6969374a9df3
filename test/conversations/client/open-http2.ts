import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2'
import { buffer } from 'node:stream/consumers'
import type { Head, Opened, Sent } from './opened.ts'

/** Sends a request on a connection of HTTP/2; `last`: the connection ends with it. */
export function openHttp2(
  session: ClientHttp2Session,
  { method, path, headers, body }: Sent,
  last: boolean,
): Opened {
  const stream = session.request({ ':method': method, ':path': path, ...headers })
  if (last) stream.once('close', () => session.destroy())
  const informational: number[] = []
  stream.on('headers', ({ ':status': status }) => informational.push(Number(status)))
  let trailers = {}
  stream.on('trailers', (headers) => {
    trailers = { ...headers }
  })
  const coming = new Promise<Head>((resolve, reject) => {
    stream.once('response', (_headers, _flags, lines) => resolve(headOf(lines as never)))
    stream.on('error', reject)
    stream.once('close', () => reject(new Error('the stream was closed without a response')))
  })
  coming.catch(() => {})
  // With an expectation the body waits for the server's word.
  if (headers.expect) stream.once('continue', () => stream.end(body))
  else stream.end(body)
  let pieces: AsyncIterator<Buffer> | undefined
  return {
    informational,
    head: () => coming,
    async read() {
      await coming
      pieces ??= stream[Symbol.asyncIterator]()
      const { value } = await pieces.next()
      return value?.toString()
    },
    async answer() {
      const head = await coming
      const bytes = await buffer(stream)
      await closed(stream)
      return { ...head, body: bytes.toString(), bytes, informational, trailers }
    },
    abort: () => session.destroy(),
  }
}

// A stream that was reset may have ended all the same.
async function closed(stream: ClientHttp2Stream): Promise<void> {
  if (!stream.closed) await once(stream, 'close')
  if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) {
    throw new Error(`the stream was reset: ${stream.rstCode}`)
  }
}

function headOf(lines: readonly string[]): Head {
  const header = (name: string) => lines.filter((_, i) => i % 2 === 1 && lines[i - 1] === name)
  return { status: Number(header(':status')[0]), statusMessage: '', header }
}
