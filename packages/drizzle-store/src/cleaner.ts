import { setTimeout as delay } from 'node:timers/promises'
import { type Awaitable, type Cleanup, minute, startCleanup } from '@scs/core'
import { paceOf } from './cleanup-pace.ts'

/** Deletes at most `most` of the sessions that have expired by then, the earliest first, and gives their number. */
export type DeleteExpired = (expiredBy: Date, most: number) => Awaitable<number>

/** Rows in a batch: `small` when there is time, `large` in a hurry. */
export interface BatchSizes {
  readonly small: number
  readonly large: number
}

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
  /** Sessions since the last run began. */
  #added = 0

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

  /** A session was added: many of them bring the next run forward. */
  added(): void {
    if (++this.#added >= enough) this.#loop.within(0)
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

  // The next run comes when as many will have expired again as are worth one, at the rate of this window.
  async #deleteBatches(signal: AbortSignal, keepsAlive: boolean): Promise<number> {
    const began = performance.now()
    const window = began - this.#began
    this.#began = began
    this.#added = 0
    const expiredBy = new Date(Date.now())
    let total = 0
    let most = this.#sizes.small
    while (!signal.aborted) {
      const started = performance.now()
      const deleted = await this.#deleteExpired(expiredBy, most)
      const ended = performance.now()
      total += deleted
      if (deleted < most) break
      const { rest, isLarge } = paceOf(ended - started, ended - began, window)
      most = isLarge ? this.#sizes.large : this.#sizes.small
      await delay(rest, undefined, { ref: keepsAlive, signal }).catch(() => {})
    }
    if (total > 0) this.#loop.within(began + (window * enough) / total - performance.now())
    return total
  }
}
