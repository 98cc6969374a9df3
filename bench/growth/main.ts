// What becomes of speed and memory when there are millions of sessions. See README.md.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { Databases } from '../support/databases.ts'
import { type Limit, limitOfRounds } from '../support/limits.ts'
import { progress } from '../support/progress.ts'
import { keep, markdownOf, type Table, thisMachine } from '../support/results.ts'
import { rounded } from '../support/rounded.ts'
import { medianOf, ratiosOf } from '../support/statistics.ts'
import { peerVersions } from '../support/versions.ts'
import { fill } from './fill.ts'
import { measureCleanup } from './measure-cleanup.ts'
import { measureGrowth } from './measure-growth.ts'
import { type DatabaseName, openStore } from './open-store.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    rows: { type: 'string', default: '10000000' },
  },
})
const all = ['postgres', 'sqlite', 'mariadb'] as const satisfies DatabaseName[]
const databaseNames = all.filter((name) => values.only?.includes(name) ?? true)
const most = Number(values.rows)
const sizes = [1_000, most / 10, most]
const sessions = most / 10
const titles = { postgres: 'PostgreSQL', sqlite: 'SQLite', mariadb: 'MariaDB' }

await using databases = await Databases.start(databaseNames)
const limits: Limit[] = []
const measured: Record<string, unknown> = {}
const growthRows: (string | number)[][] = []
const cleanupRows: (string | number)[][] = []
const memoryRows: (string | number)[][] = []

for (const database of databaseNames) {
  const title = titles[database]
  const growth = await measureGrowth(database, sizes, databases, progress)
  for (const { operation, p50 } of growth) {
    const ratios = ratiosOf(p50[most] ?? [], p50[1_000] ?? [])
    const name = `${title}, ${operation} at ${most} rows ÷ at 1,000, p50`
    limits.push(limitOfRounds(name, 1.5, ratios))
    const times = sizes.map((size) => rounded(medianOf(p50[size] ?? [])))
    growthRows.push([`${title}, ${operation}`, ...times, rounded(medianOf(ratios))])
  }
  measured[`${database} growth`] = growth

  const cleanup = await measureCleanup(database, 2 * sessions, databases, progress)
  const [quiet, busy] = cleanup.calls.find.p99
  limits.push({
    name: `${title}, p99 of finds during a cleanup of ${cleanup.expired} rows ÷ without`,
    value: busy / quiet,
    most: 2,
    unit: '',
  })
  for (const [operation, { p50, p99 }] of Object.entries(cleanup.calls)) {
    const row = [...p50, ...p99, cleanup.deletedPerSecond].map(rounded)
    cleanupRows.push([`${title}, ${operation}`, ...row])
  }
  measured[`${database} cleanup`] = cleanup
}

for (const database of databaseNames) {
  progress(`${database}: iterate`)
  const address = await databases.create(database)
  {
    await using opened = await openStore(database, address)
    await fill(database, opened, sessions)
  }
  const iterated = await inProcess<{ growth: number; sessions: number }>(
    'iterate',
    sessions,
    database,
    address,
  )
  const value = iterated.growth / 2 ** 20
  const name = `${titles[database]}, growth of resident memory while iterating ${iterated.sessions} sessions`
  limits.push({ name, value, most: 64, unit: 'MB' })
  measured[`${database} iterate`] = iterated
}

progress('MemoryStore')
const pauses: number[] = []
for (const [expired, what] of [
  ['half of them', 'memory'],
  ['all of them', 'memory-all'],
] as const) {
  const memory = await inProcess<Record<'bytesPerSession' | 'longestTurn' | 'sweep', number>>(
    what,
    sessions,
  )
  measured[what] = memory
  pauses.push(memory.longestTurn)
  const { bytesPerSession, longestTurn, sweep } = memory
  memoryRows.push([expired, Math.round(bytesPerSession), rounded(longestTurn), rounded(sweep)])
}
limits.push({
  name: `longest event-loop delay by MemoryStore's cleanup at ${sessions} sessions, half or all of them expired`,
  value: Math.max(...pauses),
  most: 20,
  unit: 'ms',
})
progress('')

const tables: Table[] = [
  {
    title: 'One call by the number of rows, p50 in ms',
    columns: ['', ...sizes.map(String), `${most} ÷ 1000`],
    rows: growthRows,
  },
  {
    title: 'Calls without and with a cleanup in the same process, ms',
    columns: ['', 'p50 without', 'with', 'p99 without', 'with', 'deleted per second'],
    rows: cleanupRows,
  },
  {
    title: `MemoryStore with ${sessions} sessions of 100 B`,
    columns: ['expired', 'bytes per session', 'longest delay, ms', 'the whole sweep, ms'],
    rows: memoryRows,
  },
]
const results = {
  title: 'Growth',
  about: about(),
  machine: thisMachine(),
  versions: { ...(await databases.versions()), ...peerVersions(import.meta.url) },
  limits,
  tables,
  measured,
}
console.log(markdownOf(results))
if (most === 10_000_000 && databaseNames.length === all.length) keep('growth', results)

async function inProcess<T>(...args: (string | number)[]): Promise<T> {
  const program = fileURLToPath(new URL('in-process.ts', import.meta.url))
  const command = ['--expose-gc', program, ...args.map(String)]
  const { stdout } = await promisify(execFile)(process.execPath, command)
  return JSON.parse(stdout)
}

function about(): string {
  return `Tables of sessions of 100 B, on private servers whose files are on this machine. Calls of DrizzleStore one after another, on
tables of each size in turns, which MariaDB (for the cleanup too) and SQLite are told to keep in memory; ratios are medians of the
rounds' ratios. Of a cleanup the first five minutes are measured, in the process that meanwhile finds 200 sessions a second,
commits 50 and touches 50; times count from when a call was due, without the lateness of timers. Figures of the cleanup, of memory
and of MemoryStore are of one run each.`
}
