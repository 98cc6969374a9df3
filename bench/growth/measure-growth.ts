import { randomInt } from 'node:crypto'
import type { Databases } from '../support/databases.ts'
import { inTurns } from '../support/in-turns.ts'
import { medianOf } from '../support/statistics.ts'
import { fill, tokenOf } from './fill.ts'
import { type DatabaseName, type OpenStore, openStore } from './open-store.ts'
import { call, type Operation } from './traffic.ts'

/** One operation on tables of so many rows. */
export interface Growth {
  readonly operation: Operation
  /** Median milliseconds of one call, by rows, in each round. */
  readonly p50: Record<number, number[]>
}

// Reading a row of a table of some gigabytes shall be no matter of the disk, nor of a copy from the operating system's cache, as
// in a process that has run for a while. Sizes are in bytes; what SQLite maps is a page fault until it was read once.
const inMemory: Readonly<Record<DatabaseName, readonly string[]>> = {
  postgres: [],
  sqlite: [
    'pragma mmap_size = 4294967296',
    'select max(length(data) + rowid) from sessions',
    "select max(token || '') from sessions",
  ],
  mariadb: ['set global innodb_buffer_pool_size = 6442450944'],
}

const rounds = 9
const callsPerRound = 300

/** The same calls on tables of each size, in turns that begin with another size each. */
export async function measureGrowth(
  database: DatabaseName,
  sizes: readonly number[],
  databases: Databases,
  progress: (text: string) => void,
): Promise<Growth[]> {
  await using opened = new AsyncDisposableStack()
  const tables: { rows: number; store: OpenStore['store'] }[] = []
  for (const rows of sizes) {
    progress(`${database}: writing ${rows} rows`)
    const open = opened.use(await openStore(database, await databases.create(database)))
    await fill(database, open, rows)
    for (const statement of inMemory[database]) await open.run(statement)
    tables.push({ rows, store: open.store })
  }
  const results: Growth[] = []
  for (const operation of ['find', 'commit', 'touch'] as const) {
    const p50: Record<number, number[]> = {}
    for (let round = -2; round < rounds; round++) {
      progress(`${database}: ${operation}, round ${round + 1} of ${rounds}`)
      for (const { rows, store } of inTurns(tables, round + 2)) {
        const token = () => tokenOf(randomInt(rows) + 1, rows)
        const median = await medianOfCalls(() => call(operation, store, token()))
        p50[rows] ??= []
        if (round >= 0) p50[rows].push(median)
      }
    }
    results.push({ operation, p50 })
  }
  return results
}

async function medianOfCalls(run: () => Promise<void>): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < callsPerRound; i++) {
    const start = performance.now()
    await run()
    times.push(performance.now() - start)
  }
  return medianOf(times)
}
