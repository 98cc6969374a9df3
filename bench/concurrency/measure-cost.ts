import { Agent } from 'node:http'
import type { Databases } from '../support/databases.ts'
import { medianOf } from '../support/statistics.ts'
import { ask } from './ask.ts'
import type { Contestant } from './contestants.ts'
import { type ServerProcess, startServer } from './server-process.ts'

/** CPU of the server process for a request that writes and meets no other, in microseconds. */
export interface Cost {
  /** With the store's atomic methods. */
  readonly atomic: number
  /** With these hidden: the whole session is written, and the last writer wins. */
  readonly plain: number
  /** The median of the ratios of the rounds. */
  readonly ratio: number
  /** The same for two processes that are both without: what the measurement itself makes of nothing. */
  readonly control: number
}

/** What the guarantee may cost where nothing conflicts. */
export const mostRatio = 1.1

const groups = 3
const warmUps = 3
const roundsPerGroup = 9
const requestsPerRound = 1_000
const connections = 16
const sessionsPerConnection = 4

/**
 * Rounds with and without alternate, so that what else the machine does falls on both, in several groups of processes, as
 * no two processes compile the same code alike.
 */
export async function measureCost(
  store: Contestant['store'],
  databases: Databases,
  progress: (text: string) => void,
): Promise<Cost> {
  const rounds: number[][] = []
  for (let group = 0; group < groups; group++) {
    const address = await databases.create(store)
    await using servers = new AsyncDisposableStack()
    const loads: Load[] = []
    for (const atomic of [true, false, false]) {
      const server = await startServer({ peer: 'scs', store, address, index: 0, atomic })
      loads.push(await Load.on(servers.use(server)))
    }
    for (let round = -warmUps; round < roundsPerGroup; round++) {
      progress(`cost, ${store}: group ${group + 1} of ${groups}, round ${round + 1}`)
      const costs = await inTurn(loads, round)
      if (round >= 0) rounds.push(costs)
    }
  }
  const median = (of: (costs: readonly number[]) => number) => medianOf(rounds.map(of))
  return {
    atomic: median(([atomic = 0]) => atomic),
    plain: median(([, plain = 0]) => plain),
    ratio: median(([atomic = 0, plain = 0]) => atomic / plain),
    control: median(([, plain = 0, again = 0]) => again / plain),
  }
}

// Each round begins with another of them.
async function inTurn(loads: readonly Load[], round: number): Promise<number[]> {
  const costs: number[] = []
  for (const i of loads.keys()) {
    const turn = (i + round + warmUps) % loads.length
    costs[turn] = (await loads[turn]?.run()) ?? Number.NaN
  }
  return costs
}

/** Clients of one server, each with sessions of its own. */
class Load {
  readonly #url: string
  readonly #clients: { readonly agent: Agent; readonly cookies: readonly string[] }[] = []
  #sent = 0

  static async on({ url }: ServerProcess): Promise<Load> {
    const load = new Load(url)
    for (let i = 0; i < connections; i++) {
      const cookies: string[] = []
      for (let j = 0; j < sessionsPerConnection; j++) {
        cookies.push((await ask(`${url}/login`)).cookie ?? '')
      }
      load.#clients.push({ agent: new Agent({ keepAlive: true, maxSockets: 1 }), cookies })
    }
    return load
  }

  private constructor(url: string) {
    this.#url = url
  }

  /** One round; microseconds of the server's CPU per request. */
  async run(): Promise<number> {
    const before = await this.#cpu()
    const until = this.#sent + requestsPerRound
    await Promise.all(
      this.#clients.map(async ({ agent, cookies }) => {
        for (let i = 0; this.#sent < until; i++) {
          const key = this.#sent++
          await ask(`${this.#url}/set?key=${key}`, cookies[i % cookies.length], agent)
        }
      }),
    )
    return ((await this.#cpu()) - before) / requestsPerRound
  }

  async #cpu(): Promise<number> {
    return (await ask(`${this.#url}/control/cpu`)).cpu ?? Number.NaN
  }
}
