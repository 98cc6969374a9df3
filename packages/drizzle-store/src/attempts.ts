import { setTimeout as delay } from 'node:timers/promises'
import { type Awaitable, second } from '@scs/core'
import { isPending } from './awaitable.ts'
import { databaseError } from './database-error.ts'
import type { Dialect } from './dialect.ts'
import { isConflict, isLocked, isLost } from './driver-error.ts'

type Query<T> = (dialect: Dialect) => Awaitable<T>

/** What has become of a statement so far. */
interface Trial {
  readonly started: number
  /** When its last try began. */
  begun: number
  failure: unknown
  readonly reads: boolean
  readonly signal: AbortSignal | undefined
  conflicts: number
  losses: number
}

/**
 * Runs the statements of a store, and again when others were in the way, or when a connection was
 * lost while reading.
 */
export class Attempts {
  readonly #dialect: Dialect
  #pause: Promise<unknown> | undefined

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  /** Runs a statement. What it fails with in the end is a {@link databaseError}. */
  run<T>(operation: string, query: Query<T>): Awaitable<T> {
    return this.#run(operation, query, false)
  }

  /**
   * As {@link Attempts.run}, of a statement that changes nothing: tried again at once when its
   * connection was lost, up to five times, unless `signal` is aborted. A pool may have that many
   * connections which the server has ended.
   */
  read<T>(operation: string, query: Query<T>, signal?: AbortSignal): Awaitable<T> {
    return this.#run(operation, query, true, signal)
  }

  #run<T>(operation: string, query: Query<T>, reads: boolean, signal?: AbortSignal): Awaitable<T> {
    if (this.#pause) return this.#pause.then(() => this.#run(operation, query, reads, signal))
    const started = performance.now()
    try {
      const result = query(this.#dialect)
      if (!isPending(result)) return result
      return result.then(undefined, (error) =>
        this.#again(operation, query, trialOf(error, started, reads, signal)),
      )
    } catch (error) {
      const trial = trialOf(error, started, reads, signal)
      const pause = pauseBeforeNext(trial)
      if (pause !== undefined) return this.#again(operation, query, trial, pause)
      const clean = databaseError(operation, error, this.#dialect.schema.name)
      if (this.#dialect.isSync) throw clean
      return Promise.reject(clean)
    }
  }

  async #again<T>(
    operation: string,
    query: Query<T>,
    trial: Trial,
    pause = pauseBeforeNext(trial),
  ): Promise<T> {
    for (let next = pause; ; next = pauseBeforeNext(trial)) {
      if (!isConflict(trial.failure)) this.#rest()
      if (next === undefined) {
        throw databaseError(operation, trial.failure, this.#dialect.schema.name)
      }
      await (next > 0 ? delay(next) : this.#pause)
      trial.begun = performance.now()
      try {
        return await query(this.#dialect)
      } catch (error) {
        trial.failure = error
      }
    }
  }

  // A query that postgres.js is given between the `error` and the `close` of a connection is never
  // answered, and the connection is lost to its pool for good, though the database be back. A timer
  // comes after both.
  #rest(): void {
    this.#pause ??= delay(1).then(() => {
      this.#pause = undefined
    })
  }
}

// A locked SQLite file is asked again for half a second; not once more when the driver, which stops
// the event loop while it waits, would then have waited for longer in all.
const patience = second / 2
const mostConflicts = 10
const mostLosses = 5

function trialOf(
  failure: unknown,
  started: number,
  reads: boolean,
  signal: AbortSignal | undefined,
): Trial {
  return { started, begun: started, failure, reads, signal, conflicts: 0, losses: 0 }
}

/** Milliseconds before another try; `undefined` when there is to be none. */
function pauseBeforeNext(trial: Trial): number | undefined {
  const { failure, started, begun, reads, signal } = trial
  const now = performance.now()
  if (isConflict(failure)) {
    const pause = Math.random() * 20 * ++trial.conflicts
    if (isLocked(failure)) {
      return now - started + pause + (now - begun) <= patience ? pause : undefined
    }
    // Where each try waits for a lock until the database gives up, not much longer than the first.
    const isSoon = trial.conflicts === 1 || now - started < 3 * second
    return trial.conflicts <= mostConflicts && isSoon ? pause : undefined
  }
  const isAgain = reads && isLost(failure) && !signal?.aborted && ++trial.losses <= mostLosses
  return isAgain ? 0 : undefined
}
