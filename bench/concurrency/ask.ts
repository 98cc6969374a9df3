import { type Agent, request } from 'node:http'

/** What a server answers; `cookie` is what the client is to send from now on, when it was told. */
export interface Answer {
  readonly cookie: string | undefined
  readonly user?: string
  readonly counted?: number
  readonly keys?: number
  /** Microseconds of CPU that the process has taken; to control requests. */
  readonly cpu?: number
}

/** One request, on a connection of its own unless there is an agent. Rejects for all that is not a 200. */
export function ask(url: string, cookie = '', agent: Agent | false = false): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, headers: cookie ? { cookie } : {} }, (res) => {
      let body = ''
      res.setEncoding('utf8')
      res.on('error', reject)
      res.on('data', (chunk: string) => {
        body += chunk
      })
      res.on('end', () => {
        if (res.statusCode !== 200) reject(new Error(`${url}: ${res.statusCode} ${body}`))
        else resolve({ ...JSON.parse(body), cookie: cookieOf(res.headers['set-cookie']) })
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

function cookieOf(lines: readonly string[] = []): string | undefined {
  return lines[0]?.split(';')[0]
}
