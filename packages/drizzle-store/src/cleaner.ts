import { setTimeout as delay } from 'node:timers/promises'
import { type Awaitable, type Cleanup, minute, startCleanup } from '@scs/core'
import { paceOf } from './cleanup-pace.ts'
import type { BatchSizes } from './dialect.ts'

/**
 * Deletes at most `most` of the sessions that have expired by then, the earliest first, and gives
 * their number.
 */
export type DeleteExpired = (expiredBy: Date, most: number) => Awaitable<number>

// So many new or expired sessions are worth a run before the interval is over.
const enough = 1_000
// What the first run is taken to have time for: nobody knows since when rows have expired.
const firstWindow = 5 * minute

/** Removes expired sessions: in batches, never two runs at once, as quickly as new ones come. */
export class Cleaner {
  readonly #sizes: BatchSizes
  readonly #deleteExpired: DeleteExpired
  readonly #loop: Cleanup
  /** Ends the runs that are in progress, or wait. */
  #stopping = new AbortController()
  #last: Promise<unknown> = Promise.resolve()
  /** When the last run began, as of `performance.now()`. */
  #began = performance.now() - firstWindow
  /** Sessions that were added since then. */
  #added = 0
  /** How many of them end the pause between two batches, and what ends it. */
  #wakeAt = Number.POSITIVE_INFINITY
  #pause = new AbortController()

  constructor(
    interval: number,
    sizes: BatchSizes,
    deleteExpired: DeleteExpired,
    onError: (error: unknown) => void,
  ) {
    this.#sizes = sizes
    this.#deleteExpired = deleteExpired
    this.#loop = startCleanup(interval, () => this.run(false), onError)
  }

  /** A session was added: many of them bring the next run forward, and its next batch. */
  added(): void {
    this.#added++
    if (this.#added >= enough) this.#loop.within(0)
    if (this.#added >= this.#wakeAt) this.#pause.abort()
  }

  /** One run, after those that are in progress or wait; gives the number of rows that are gone. */
  run(keepsAlive: boolean): Promise<number> {
    const { signal } = this.#stopping
    const run = this.#last.then(() => this.#deleteBatches(signal, keepsAlive))
    this.#last = run.catch(() => {})
    return run
  }

  /** Ends the loop, and waits for a run in progress, which ends after its current batch. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#stopping = new AbortController()
    await this.#loop.stop()
    await this.#last
  }

  // The next run comes when as many will have expired again as are worth one, at the rate of this
  // window.
  async #deleteBatches(stopped: AbortSignal, keepsAlive: boolean): Promise<number> {
    const began = performance.now()
    const window = began - this.#began
    this.#began = began
    this.#added = 0
    const expiredBy = new Date(Date.now())
    let total = 0
    let most = this.#sizes[0]
    while (!stopped.aborted) {
      const started = performance.now()
      const addedBefore = this.#added
      const deleted = await this.#deleteExpired(expiredBy, most)
      const ended = performance.now()
      total += deleted
      if (deleted < most) break
      const { rest, isHurried } = paceOf(ended - started, ended - began, window)
      most = isHurried ? this.#sizeFor(this.#added - addedBefore) : this.#sizes[0]
      await this.#rest(rest, isHurried ? most / 2 : undefined, keepsAlive, stopped)
    }
    if (total > 0) this.#loop.within(began + (window * enough) / total - performance.now())
    return total
  }

  // While a batch waits for its turn at a database, sessions are added: twice as many are to go,
  // where a statement can do it.
  #sizeFor(added: number): number {
    const [, ...large] = this.#sizes
    return large.find((size) => size >= 2 * added) ?? Math.max(...this.#sizes)
  }

  // A turn of the event loop may take in hundreds of sessions, and has one look at the timers.
  async #rest(
    milliseconds: number,
    added: number | undefined,
    keepsAlive: boolean,
    stopped: AbortSignal,
  ): Promise<void> {
    this.#pause = new AbortController()
    if (added !== undefined) this.#wakeAt = this.#added + added
    const signal = AbortSignal.any([stopped, this.#pause.signal])
    await delay(milliseconds, undefined, { ref: keepsAlive, signal }).catch(() => {})
    this.#wakeAt = Number.POSITIVE_INFINITY
  }
}
