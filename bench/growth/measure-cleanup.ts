import { setTimeout as delay } from 'node:timers/promises'
import type { Databases } from '../support/databases.ts'
import { quantileOf } from '../support/statistics.ts'
import { fill } from './fill.ts'
import { type DatabaseName, openStore } from './open-store.ts'
import { type Operation, traffic } from './traffic.ts'

/** Calls while the same process, through the same store, cleans up. */
export interface CleanupCost {
  readonly deleted: number
  readonly seconds: number
  readonly calls: Readonly<Record<Operation, Quantiles>>
}

/** Milliseconds, without a cleanup and with. */
export interface Quantiles {
  readonly p50: readonly [number, number]
  readonly p99: readonly [number, number]
}

const quietSeconds = 10

/** Removes half of `rows` sessions while others are found, committed and touched. */
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
  progress(`${database}: calls without a cleanup`)
  await traffic(store, rows, delay(2_000))
  const without = await traffic(store, rows, delay(quietSeconds * 1000))
  progress(`${database}: calls during a cleanup`)
  const start = performance.now()
  let seconds = 0
  const cleanup = Promise.resolve(store.deleteExpired()).finally(() => {
    seconds = (performance.now() - start) / 1000
  })
  const during = await traffic(store, rows, cleanup)
  const both = (operation: Operation, q: number) =>
    [quantileOf(without[operation], q), quantileOf(during[operation], q)] as const
  const quantiles = (operation: Operation): Quantiles => ({
    p50: both(operation, 0.5),
    p99: both(operation, 0.99),
  })
  return {
    deleted: await cleanup,
    seconds,
    calls: { find: quantiles('find'), commit: quantiles('commit'), touch: quantiles('touch') },
  }
}
