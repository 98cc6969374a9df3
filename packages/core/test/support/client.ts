import { request } from 'node:http'

export interface Answer {
  readonly status: number
  readonly body: string
  /** Header lines by lower-case name, one entry a line. */
  header(name: string): string[]
}

/** A browser of sorts: keeps cookies by name, follows nothing, one connection a request. */
export class Client {
  readonly #base: string
  readonly cookies = new Map<string, string>()

  constructor(base: string) {
    this.#base = base
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Rejects when the connection is cut before the response is complete. */
  async get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    const answer = await this.#send(path, headers)
    for (const line of answer.header('set-cookie')) {
      const [pair = ''] = line.split(';')
      const at = pair.indexOf('=')
      if (/; Max-Age=0/.test(line)) this.cookies.delete(pair.slice(0, at))
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
    return answer
  }

  #send(path: string, headers: Record<string, string>): Promise<Answer> {
    const cookie = this.cookieHeader
    return new Promise((resolve, reject) => {
      const sent = request(
        this.#base + path,
        { agent: false, headers: { ...(cookie ? { cookie } : {}), ...headers } },
        (res) => {
          const chunks: Buffer[] = []
          res.on('data', (chunk) => chunks.push(chunk))
          res.on('error', reject)
          res.on('end', () => {
            const lines = res.rawHeaders
            resolve({
              status: res.statusCode ?? 0,
              body: Buffer.concat(chunks).toString(),
              header: (name) =>
                lines.filter((_, i) => i % 2 === 1 && lines[i - 1]?.toLowerCase() === name),
            })
          })
        },
      )
      sent.on('error', reject)
      sent.end()
    })
  }
}
