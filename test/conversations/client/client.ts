import { Agent } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import { certificate } from '../certificate.ts'
import { openHttp1 } from './open-http1.ts'
import { openHttp2 } from './open-http2.ts'
import type { Answer, Opened, Sent } from './opened.ts'

/** How a client is to behave. */
export interface ClientOptions {
  /** Whether requests share one connection, one after the other; otherwise each has its own. */
  readonly keepAlive?: boolean
}

/** A browser of sorts: keeps cookies by name, follows nothing. Speaks what the scheme of its server's URL says. */
export class Client {
  readonly #base: URL
  readonly #keepAlive: boolean
  readonly #agent: Agent | false
  #session: ClientHttp2Session | undefined
  readonly cookies = new Map<string, string>()

  constructor(base: string, { keepAlive = false }: ClientOptions = {}) {
    this.#base = new URL(base)
    this.#keepAlive = keepAlive
    this.#agent = keepAlive && new Agent({ keepAlive, maxSockets: 1 })
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Rejects when the connection is cut before the response is complete. */
  async get(path: string, sent: Partial<Sent> = {}): Promise<Answer> {
    const answer = await this.open(path, sent).answer()
    this.keep(answer.header('set-cookie'))
    return answer
  }

  /** Begins a request; its cookies are the caller's to {@link keep}. */
  open(path: string, { method = 'GET', headers = {}, body }: Partial<Sent> = {}): Opened {
    const cookie = this.cookieHeader
    const sent = { method, path, headers: { ...(cookie ? { cookie } : {}), ...headers }, body }
    if (this.#base.protocol === 'http:') return openHttp1(this.#base, sent, this.#agent)
    const session = this.#connection()
    if (this.#keepAlive) this.#session = session
    return openHttp2(session, sent, !this.#keepAlive)
  }

  /** Does what the lines of `Set-Cookie` say. */
  keep(lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = ''] = line.split(';')
      const at = pair.indexOf('=')
      if (/; Max-Age=0/.test(line)) this.cookies.delete(pair.slice(0, at))
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
  }

  close(): void {
    if (this.#agent) this.#agent.destroy()
    this.#session?.destroy()
  }

  #connection(): ClientHttp2Session {
    if (this.#session) return this.#session
    const scheme = this.#base.protocol === 'h2:' ? 'https' : 'http'
    const session = connect(`${scheme}://${this.#base.host}`, { ca: certificate.cert })
    // Its streams tell of it.
    session.on('error', () => {})
    return session
  }
}
