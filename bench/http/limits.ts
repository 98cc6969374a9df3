import { type Limit, limitOfRounds } from '../support/limits.ts'
import { ratiosOf } from '../support/statistics.ts'
import type { Cell } from './measure.ts'

/** The limits that these cells can tell of. */
export function limitsOf(cells: readonly Cell[]): Limit[] {
  const limits: Limit[] = []
  const cpu = (group: Cell['group'], contestant: string, scenario: string) =>
    cells.find(
      (cell) =>
        cell.group === group &&
        cell.contestant.startsWith(contestant) &&
        cell.scenario === scenario,
    )?.cpu
  const ratio = (
    name: string,
    most: number,
    [group, ours, theirs, scenario]: readonly [Cell['group'], string, string, string],
  ) => {
    const [a, b] = [cpu(group, ours, scenario), cpu(group, theirs, scenario)]
    if (a && b) limits.push(limitOfRounds(name, most, ratiosOf(a, b)))
  }
  const added = (name: string, most: number, scenario: string) => {
    const floor = cpu('memory', 'node:http', scenario)
    const ours = cpu('memory', 'SCS', scenario)
    const theirs = cpu('memory', 'express-session', scenario)
    if (!floor || !ours || !theirs) return
    const overFloor = (cpu: readonly number[]) => cpu.map((value, i) => value - (floor[i] ?? 0))
    limits.push(limitOfRounds(name, most, ratiosOf(overFloor(ours), overFloor(theirs))))
  }
  const sizes = ['100 B', '1 KB', '10 KB']
  const overFloor = (scenario: string) => ['memory', 'SCS', 'node:http', scenario] as const
  const untouched = 'untouched, no cookie'
  ratio(`memory store, ${untouched}: ours ÷ node:http`, 1.1, overFloor(untouched))
  for (const size of sizes) {
    ratio(`memory store, read, ${size}: ours ÷ node:http`, 1.15, overFloor(`read, ${size}`))
  }
  for (const size of sizes) {
    ratio(`memory store, write, ${size}: ours ÷ node:http`, 1.3, overFloor(`write, ${size}`))
  }
  for (const size of sizes) {
    added(`memory store, read, ${size}: added by ours ÷ by express-session`, 0.1, `read, ${size}`)
  }
  for (const size of sizes) {
    added(`memory store, write, ${size}: added by ours ÷ by express-session`, 0.2, `write, ${size}`)
  }
  for (const [group, database, overDriver, overPeer] of [
    ['postgres', 'PostgreSQL', 1.15, 0.33],
    ['sqlite', 'SQLite', 1.25, 0.5],
    ['mariadb', 'MariaDB', 1.25, 0.5],
  ] as const) {
    for (const size of sizes) {
      const scenario = `read, ${size}`
      const name = `${database}, ${scenario}`
      ratio(`${name}: ours ÷ the raw driver`, overDriver, [group, 'SCS', 'node:http', scenario])
      ratio(`${name}: ours ÷ express-session`, overPeer, [
        group,
        'SCS',
        'express-session',
        scenario,
      ])
    }
  }
  for (const path of ['read', 'write']) {
    for (const size of sizes) {
      const scenario = `${path}, ${size}`
      ratio(`Redis, ${scenario}: ours ÷ express-session`, 0.5, [
        'redis',
        'SCS',
        'express-session',
        scenario,
      ])
    }
  }
  return limits
}

/** The rounds' ratios to the first contestant of the group, pair by pair. */
export function ratiosToFirst(cells: readonly Cell[], cell: Cell): number[] {
  const first = cells.find(({ group, scenario }) => {
    return group === cell.group && scenario === cell.scenario
  })
  return ratiosOf(cell.cpu, first?.cpu ?? [])
}
