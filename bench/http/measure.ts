import type { Databases } from '../support/databases.ts'
import { inTurns } from '../support/in-turns.ts'
import { quantileOf } from '../support/statistics.ts'
import { type Contestant, type Group, withoutSessions } from './contestants.ts'
import { Load } from './load.ts'
import type { Scenario } from './paths.ts'
import { startServer } from './server-process.ts'

/** One server and one kind of request: a figure of each round. */
export interface Cell {
  readonly group: Group['name']
  readonly contestant: string
  readonly scenario: string
  /** Microseconds of the server's CPU per request. */
  readonly cpu: number[]
  readonly requestsPerSecond: number[]
  /** Milliseconds. */
  readonly p50: number[]
  readonly p99: number[]
}

/** How much is measured. */
export interface Effort {
  /** How often all servers are started anew: no two processes compile the same code alike. */
  readonly generations: number
  readonly roundsPerGeneration: number
}

/**
 * Measures a group: in each round each kind of request once on each server, one server right after the other, so that
 * what else the machine does falls on all of them.
 */
export async function measure(
  group: Group,
  scenarios: readonly Scenario[],
  { generations, roundsPerGeneration }: Effort,
  databases: Databases,
  progress: (text: string) => void,
): Promise<Cell[]> {
  const cells = new Map<string, Cell>()
  const { requests } = group
  for (let generation = 0; generation < generations; generation++) {
    await using servers = new AsyncDisposableStack()
    const turns = new Map<Scenario, [Cell, Load][]>(scenarios.map((scenario) => [scenario, []]))
    const checks: (() => Promise<void>)[] = []
    for (const contestant of group.contestants) {
      const { name, program, store } = contestant
      progress(`${group.name}: ${name} starts`)
      const server = await startServer({ program, store, address: await databases.create(store) })
      servers.use(server)
      for (const scenario of scenarios) {
        if (!group.measures(contestant, scenario)) continue
        const cell = cellOf(cells, group, contestant, scenario)
        const load = await Load.on(server, scenario)
        turns.get(scenario)?.push([cell, load])
        checks.push(() => load.checkKept(!withoutSessions.includes(program)))
      }
    }
    for (let round = -1; round < roundsPerGeneration; round++) {
      for (const [scenario, loads] of turns) {
        const done = `${generation + 1}.${round + 1} of ${generations}.${roundsPerGeneration}`
        progress(`${group.name}: round ${done}, ${scenario.name}`)
        for (const [cell, load] of inTurns(loads, round + 1)) {
          // The first round is for the compiler, which takes its time; before the others the caches are filled anew.
          await load.run(Math.ceil(round < 0 ? requests * 4 : requests / 10))
          if (round >= 0) add(cell, await load.run(requests))
        }
      }
    }
    for (const check of checks) await check()
  }
  return [...cells.values()]
}

function add(cell: Cell, { cpu, requestsPerSecond, latencies }: Awaited<ReturnType<Load['run']>>) {
  cell.cpu.push(cpu)
  cell.requestsPerSecond.push(requestsPerSecond)
  cell.p50.push(quantileOf(latencies, 0.5))
  cell.p99.push(quantileOf(latencies, 0.99))
}

function cellOf(
  cells: Map<string, Cell>,
  group: Group,
  { name }: Contestant,
  scenario: Scenario,
): Cell {
  const key = `${name}: ${scenario.name}`
  const cell = cells.get(key) ?? {
    group: group.name,
    contestant: name,
    scenario: scenario.name,
    cpu: [],
    requestsPerSecond: [],
    p50: [],
    p99: [],
  }
  cells.set(key, cell)
  return cell
}
