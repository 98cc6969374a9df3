import { randomInt } from 'node:crypto'
import { background, hour } from '@scs/core'
import type { Databases } from '../support/databases.ts'
import { quantileOf } from '../support/statistics.ts'
import { fill, sessionBytes, tokenOf } from './fill.ts'
import { type DatabaseName, type OpenStore, openStore } from './open-store.ts'

/** One operation on tables of so many rows. */
export interface Growth {
  readonly operation: 'find' | 'commit' | 'touch'
  /** Median milliseconds of one call, by rows, in each round. */
  readonly p50: Record<number, number[]>
}

const rounds = 9
const callsPerRound = 300

/** The same calls on tables of each size, in turns. */
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
    tables.push({ rows, store: open.store })
  }
  const results: Growth[] = []
  for (const operation of ['find', 'commit', 'touch'] as const) {
    const p50: Record<number, number[]> = {}
    for (let round = -2; round < rounds; round++) {
      progress(`${database}: ${operation}, round ${round + 1} of ${rounds}`)
      for (const { rows, store } of tables) {
        const median = await medianOfCalls(() => call(operation, store, rows))
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
  return quantileOf(times, 0.5)
}

// Each of a row that is there, any of them.
async function call(
  operation: Growth['operation'],
  store: OpenStore['store'],
  rows: number,
): Promise<void> {
  const token = tokenOf(randomInt(rows) + 1, rows)
  const expiry = new Date(Date.now() + 100 * hour)
  if (operation === 'find') {
    if (!(await store.find(token))) throw new Error(`${token} is not found`)
  } else if (operation === 'commit') await store.commit(token, sessionBytes, expiry)
  else if (!(await store.touch(background(), token, expiry))) throw new Error(`${token} is gone`)
}
