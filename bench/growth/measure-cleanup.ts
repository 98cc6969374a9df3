import { setTimeout as delay } from 'node:timers/promises'
import { minute } from '@scs/core'
import type { Databases } from '../support/databases.ts'
import { quantileOf } from '../support/statistics.ts'
import { fill } from './fill.ts'
import { type DatabaseName, openStore } from './open-store.ts'
import { type Operation, traffic } from './traffic.ts'

/** Calls while the same process, through the same store, cleans up. */
export interface CleanupCost {
  readonly expired: number
  /** How long the calls were measured; the cleanup may take longer. */
  readonly seconds: number
  readonly deletedPerSecond: number
  readonly calls: Readonly<Record<Operation, Quantiles>>
}

/** Milliseconds, without a cleanup and with. */
export interface Quantiles {
  readonly p50: readonly [number, number]
  readonly p99: readonly [number, number]
}

const warmUp = 2_000
const quietTime = minute
const busyTime = 5 * minute

/** Finds, commits and touches sessions while the half of `rows` that has expired is removed. */
export async function measureCleanup(
  database: DatabaseName,
  rows: number,
  databases: Databases,
  progress: (text: string) => void,
): Promise<CleanupCost> {
  progress(`${database}: writing ${rows} rows, half of them expired`)
  const address = await databases.create(database)
  await using quiet = await openStore(database, address)
  await fill(database, quiet, rows, true)
  progress(`${database}: calls without a cleanup`)
  await traffic(quiet.store, rows, delay(warmUp))
  const without = await traffic(quiet.store, rows, delay(quietTime))
  progress(`${database}: calls during a cleanup`)
  await using busy = await openStore(database, address, 1)
  await traffic(busy.store, rows, delay(warmUp))
  const before = await busy.count()
  const start = performance.now()
  const during = await traffic(busy.store, rows, delay(busyTime))
  const seconds = (performance.now() - start) / 1000
  await busy.store.stopCleanup()
  const deleted = before - (await busy.count())
  const both = (operation: Operation, q: number) =>
    [quantileOf(without[operation], q), quantileOf(during[operation], q)] as const
  const quantiles = (operation: Operation): Quantiles => ({
    p50: both(operation, 0.5),
    p99: both(operation, 0.99),
  })
  return {
    expired: rows / 2,
    seconds,
    deletedPerSecond: deleted / seconds,
    calls: { find: quantiles('find'), commit: quantiles('commit'), touch: quantiles('touch') },
  }
}
