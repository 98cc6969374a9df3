import autocannon, { type Client } from 'autocannon'
import type { Scenario } from './paths.ts'
import type { ServerProcess } from './server-process.ts'
import { answer } from './sessions.ts'

/** What one run of requests has shown. */
export interface Run {
  /** CPU of the server process per request, user and system, in microseconds. */
  readonly cpu: number
  readonly requestsPerSecond: number
  /** Milliseconds from a request to its response, of each request. */
  readonly latencies: readonly number[]
}

const connections = 8

/** Requests of one scenario to one server; each connection has a session of its own. */
export class Load {
  readonly #server: ServerProcess
  readonly #scenario: Scenario
  /** What each connection sends. */
  readonly #cookies: (string | undefined)[]
  /** What each was given last. */
  readonly #last: (string | undefined)[]

  /** Makes the sessions. */
  static async on(server: ServerProcess, scenario: Scenario): Promise<Load> {
    const cookies = Array.from({ length: connections }, () => newCookie(server, scenario))
    const load = new Load(server, scenario, await Promise.all(cookies))
    await load.#check()
    return load
  }

  private constructor(server: ServerProcess, scenario: Scenario, cookies: (string | undefined)[]) {
    this.#server = server
    this.#scenario = scenario
    this.#cookies = cookies
    this.#last = [...cookies]
  }

  /** A fixed number of requests, as many at once as there are connections. */
  async run(amount: number): Promise<Run> {
    const latencies: number[] = []
    let failures = 0
    let clients = 0
    const setupClient = (client: Client) => {
      const connection = clients++
      this.#follow(client, connection)
      client.on('response', (status, _bytes, milliseconds) => {
        if (status !== 200) failures++
        latencies.push(milliseconds)
        end = performance.now()
      })
    }
    const before = await this.#server.cpu()
    const start = performance.now()
    let end = start
    const url = this.#server.url + this.#scenario.path
    // It notices that all have come only when it takes a sample.
    const options = { url, connections, amount, setupClient, sampleInt: 20 }
    const { errors } = await autocannon(options)
    const cpu = ((await this.#server.cpu()) - before) / amount
    if (failures + errors > 0) {
      throw new Error(`${url}: ${failures} responses that are not 200, ${errors} errors`)
    }
    return { cpu, requestsPerSecond: (amount * 1000) / (end - start), latencies }
  }

  /** Throws when a session is lost, or what was put into it. For when all has been measured. */
  async checkKept(keepsSessions: boolean): Promise<void> {
    const { path } = this.#scenario
    for (const cookie of this.#last) {
      if (cookie === undefined) continue
      await this.#expect('/read', cookie, isAnswer)
      if (!keepsSessions || (path !== '/write' && path !== '/login')) continue
      await this.#expect('/visits', cookie, (text) => /^\d+$/.test(text))
    }
  }

  // As a browser does, but that each first visit is another browser's.
  #follow(client: Client, connection: number): void {
    const { path } = this.#scenario
    const cookie = this.#cookies[connection]
    if (cookie !== undefined) client.setHeaders({ cookie })
    if (path === '/untouched' || path === '/read') return
    client.on('headers', (head) => {
      const next = cookieOf(setCookieLines(head))
      if (next === '' || next === this.#last[connection]) return
      this.#last[connection] = next
      if (path === '/visit') return
      this.#cookies[connection] = next
      client.setHeaders({ cookie: next })
    })
  }

  // Whoever answers something else is not measured. A login would leave the session under a token that nobody follows.
  async #check(): Promise<void> {
    const { path } = this.#scenario
    if (path !== '/login') await this.#expect(path, this.#cookies[0], isAnswer)
  }

  async #expect(path: string, cookie: string | undefined, isRight: (text: string) => boolean) {
    const response = await fetch(this.#server.url + path, cookie ? { headers: { cookie } } : {})
    const text = await response.text()
    if (!isRight(text)) {
      const name = `${response.url} for "${this.#scenario.name}"`
      throw new Error(`${name} answers ${response.status} ${text}`)
    }
  }
}

function isAnswer(text: string): boolean {
  return text === answer
}

async function newCookie(server: ServerProcess, { size }: Scenario): Promise<string | undefined> {
  if (size === undefined) return undefined
  const response = await fetch(`${server.url}/fill?size=${encodeURIComponent(size)}`)
  const cookie = cookieOf(response.headers.getSetCookie())
  if (cookie === '') throw new Error(`${response.url} gives no cookie: ${await response.text()}`)
  return cookie
}

function cookieOf(lines: readonly string[]): string {
  return lines.map((line) => line.split(';')[0]).join('; ')
}

// Of what the HTTP parser gives, which the types know as something else: names and values in turns.
function setCookieLines(head: object): string[] {
  const { headers } = head as { headers: readonly string[] }
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === 'set-cookie')
}
