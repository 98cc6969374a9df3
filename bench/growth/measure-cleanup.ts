import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Databases } from '../support/databases.ts'
import { quantileOf } from '../support/statistics.ts'
import { fill, tokenOf } from './fill.ts'
import { type DatabaseName, type OpenStore, openStore } from './open-store.ts'

/** Finds while the same process, through the same store, cleans up. */
export interface CleanupCost {
  readonly deleted: number
  readonly seconds: number
  /** Milliseconds, without a cleanup and with. */
  readonly p50: readonly [number, number]
  readonly p99: readonly [number, number]
}

const findsPerSecond = 200
const quietSeconds = 10

/** Removes half of `rows` sessions while others are looked up. */
export async function measureCleanup(
  database: DatabaseName,
  rows: number,
  databases: Databases,
  progress: (text: string) => void,
): Promise<CleanupCost> {
  progress(`${database}: writing ${rows} rows, half of them expired`)
  await using opened = await openStore(database, await databases.create(database))
  const { store } = opened
  await fill(database, opened, rows, true)
  progress(`${database}: finds without a cleanup`)
  await findsUntil(store, rows, delay(2_000))
  const without = await findsUntil(store, rows, delay(quietSeconds * 1000))
  progress(`${database}: finds during a cleanup`)
  const start = performance.now()
  const cleanup = store.deleteExpired()
  const during = await findsUntil(store, rows, cleanup)
  return {
    deleted: await cleanup,
    seconds: (performance.now() - start) / 1000,
    p50: [quantileOf(without, 0.5), quantileOf(during, 0.5)],
    p99: [quantileOf(without, 0.99), quantileOf(during, 0.99)],
  }
}

/**
 * Finds at a fixed rate until `end`. A time counts from when the find was due, so that one that could not even begin is
 * seen.
 */
async function findsUntil(
  store: OpenStore['store'],
  rows: number,
  end: Promise<unknown>,
): Promise<number[]> {
  const times: number[] = []
  const pending: Promise<void>[] = []
  const timed = async (due: number) => {
    await find(store, rows)
    times.push(performance.now() - due)
  }
  let ended = false
  end.then(() => {
    ended = true
  })
  let due = performance.now()
  while (!ended) {
    // All that is overdue is asked at once, as it would come from the network.
    for (; due <= performance.now(); due += 1000 / findsPerSecond) pending.push(timed(due))
    await delay(1)
  }
  await Promise.all(pending)
  return times
}

// Of the even rows, which live.
async function find(store: OpenStore['store'], rows: number): Promise<void> {
  const token = tokenOf(2 * (randomInt(rows / 2) + 1), rows)
  if (!(await store.find(token))) throw new Error(`${token} is not found`)
}
