import type { Databases } from '../support/databases.ts'
import { ask } from './ask.ts'
import { type Contestant, nameOf } from './contestants.ts'
import { startServer } from './server-process.ts'

/** What remained after requests that overlapped. */
export interface Losses {
  /** Of `requests` requests that each put another key: how many of them are there. */
  readonly keys: number
  /** Of `requests` that each added one: what the counter says. */
  readonly counted: number
  /** Of `logouts` with a write of the same session in flight: after how many it was alive. */
  readonly undoneByWrite: number
  /** As before, with a request in flight that only read, where sessions have an idle timeout. */
  readonly undoneByRead: number
}

export const requests = 200
export const logouts = 50

/** The three measurements, over HTTP, in server processes on one new database. */
export async function measureLosses(
  contestant: Contestant,
  databases: Databases,
  progress: (text: string) => void,
): Promise<Losses> {
  const { peer, store, processes } = contestant
  const address = await databases.create(store)
  await using servers = new AsyncDisposableStack()
  const urls: string[] = []
  for (let i = 0; i < processes; i++) {
    const server = await startServer({ peer, store, address, index: i, atomic: true })
    urls.push(servers.use(server).url)
    // The first request of a process may create the table.
    await ask(`${urls.at(-1)}/login`)
  }
  const site = new Site(urls)
  const tell = (what: string) => progress(`${nameOf(contestant)}: ${what}`)
  tell('keys')
  const keys = await countKeys(site)
  tell('counter')
  const counted = await count(site)
  tell('logouts')
  const undoneByWrite = await countUndone(site, '/put?key=late')
  const undoneByRead = await countUndone(site, '/idle/read')
  return { keys, counted, undoneByWrite, undoneByRead }
}

async function countKeys(site: Site): Promise<number> {
  const cookie = await site.login('/login')
  await site.together(requests, (i) => ask(`${site.at(i)}/put?key=k${i}`, cookie))
  const { keys = 0 } = await ask(`${site.at(0)}/show`, cookie)
  return keys - 1
}

async function count(site: Site): Promise<number> {
  const cookie = await site.login('/login')
  await site.together(requests, (i) => ask(`${site.at(i)}/add?key=counter`, cookie))
  return (await ask(`${site.at(0)}/show`, cookie)).counted ?? 0
}

// For half of them the logout is over before the other request goes on; for the rest both go on at once.
async function countUndone(site: Site, inFlight: string): Promise<number> {
  const prefix = inFlight.startsWith('/idle') ? '/idle' : ''
  let undone = 0
  for (const atOnce of [false, true]) {
    const cookies: string[] = []
    for (let i = 0; i < logouts / 2; i++) cookies.push(await site.login(`${prefix}/login`))
    const flights = cookies.map((cookie, i) => ask(site.at(i) + inFlight, cookie))
    await site.arrived(cookies.length)
    const left = cookies.map((cookie, i) => ask(`${site.at(i + 1)}${prefix}/logout`, cookie))
    if (!atOnce) await Promise.all(left)
    await site.release()
    await Promise.all([...left, ...flights])
    for (const cookie of cookies) {
      const { user } = await ask(`${site.at(0)}${prefix}/show`, cookie)
      if (user !== undefined) undone++
    }
  }
  return undone
}

/** Several servers that hold the same sessions. */
class Site {
  readonly #urls: readonly string[]

  constructor(urls: readonly string[]) {
    this.#urls = urls
  }

  /** One server after another. */
  at(i: number): string {
    return this.#urls[i % this.#urls.length] ?? ''
  }

  /** The cookie of a new session. */
  async login(path: string): Promise<string> {
    return (await ask(this.at(0) + path)).cookie ?? ''
  }

  /** Fulfilled when `total` requests, sent to one server after another, have loaded their sessions and wait. */
  async arrived(total: number): Promise<void> {
    const { length } = this.#urls
    await Promise.all(
      this.#urls.map((url, i) =>
        ask(`${url}/control/arrived?count=${Math.ceil((total - i) / length)}`),
      ),
    )
  }

  /** Lets them go on. */
  async release(): Promise<void> {
    await Promise.all(this.#urls.map((url) => ask(`${url}/control/release`)))
  }

  /** Sends `total` requests, all of which have loaded their sessions before one of them goes on. */
  async together(total: number, send: (i: number) => Promise<unknown>): Promise<void> {
    const sent = Array.from({ length: total }, (_, i) => send(i))
    await this.arrived(total)
    await this.release()
    await Promise.all(sent)
  }
}
