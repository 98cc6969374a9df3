import { request } from 'node:http'
import { connect, constants } from 'node:http2'

export interface Answer {
  readonly status: number
  readonly body: string
  /** Header lines by lower-case name, one entry a line. */
  header(name: string): string[]
}

type Headers = Record<string, string>

/** A browser of sorts: keeps cookies by name, follows nothing, one connection a request. Speaks HTTP/1.1 or HTTP/2. */
export class Client {
  readonly #base: URL
  readonly cookies = new Map<string, string>()

  constructor(base: string) {
    this.#base = new URL(base)
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Rejects when the connection is cut before the response is complete. */
  async get(path: string, headers: Headers = {}): Promise<Answer> {
    const answer = await this.#send(path, headers)
    for (const line of answer.header('set-cookie')) {
      const [pair = ''] = line.split(';')
      const at = pair.indexOf('=')
      if (/; Max-Age=0/.test(line)) this.cookies.delete(pair.slice(0, at))
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
    return answer
  }

  /** Begins a request, and gives the means to go away. */
  open(path: string): { abort(): void } {
    if (this.#base.protocol === 'h2c:') {
      const session = connect(`http://${this.#base.host}`)
      session.on('error', () => {})
      session.request({ ':path': path }).on('error', () => {})
      return { abort: () => session.destroy() }
    }
    const cookie = this.cookieHeader
    const headers = cookie ? { cookie } : {}
    const { hostname: host, port } = this.#base
    const sent = request({ host, port, path, agent: false, headers })
    sent.on('error', () => {})
    sent.end()
    return { abort: () => sent.destroy() }
  }

  #send(path: string, headers: Headers): Promise<Answer> {
    const cookie = this.cookieHeader
    const all = { ...(cookie ? { cookie } : {}), ...headers }
    return this.#base.protocol === 'h2c:' ? this.#overHttp2(path, all) : this.#overHttp1(path, all)
  }

  #overHttp1(path: string, headers: Headers): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { hostname: host, port } = this.#base
      const sent = request({ host, port, path, agent: false, headers }, (res) => {
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
      })
      sent.on('error', reject)
      sent.end()
    })
  }

  #overHttp2(path: string, headers: Headers): Promise<Answer> {
    const session = connect(`http://${this.#base.host}`)
    return new Promise<Answer>((resolve, reject) => {
      session.on('error', reject)
      const stream = session.request({ ':path': path, ...headers })
      const chunks: Buffer[] = []
      let raw: string[] = []
      stream.on('response', (_headers, _flags, lines) => {
        raw = lines as unknown as string[]
      })
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', reject)
      stream.on('close', () => {
        if (stream.rstCode !== constants.NGHTTP2_NO_ERROR || raw.length === 0) {
          reject(new Error(`the stream was reset: ${stream.rstCode}`))
          return
        }
        const of = (name: string) => raw.filter((_, i) => i % 2 === 1 && raw[i - 1] === name)
        resolve({
          status: Number(of(':status')[0]),
          body: Buffer.concat(chunks).toString(),
          header: of,
        })
      })
      stream.end()
    }).finally(() => session.destroy())
  }
}
