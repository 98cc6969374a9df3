import { type Awaitable, isThenable } from './awaitable.ts'
import type { TimeLimit } from './time-limit.ts'

/** The commits of one session that are under way in this process. */
export class Lane {
  /** Settles when the last commit that has entered is done. */
  tail: PromiseLike<unknown> | undefined
  /** What the last commit wrote: the next starts from it. `undefined` when that is not known. */
  written: Uint8Array | undefined
}

/**
 * Lets the commits of one session follow each other within this process, so that they do not meet in the database. For
 * speed alone: that none is lost is the store's `replace`'s doing. A lane lives as long as somebody is in it.
 */
export class CommitQueue {
  readonly #lanes = new Map<string, Lane>()

  /** How many sessions have a commit under way. */
  get size(): number {
    return this.#lanes.size
  }

  /** Runs `commit` when those that came before are done; at once where nobody did. Waits no longer than `limit`. */
  enter<T>(
    storeToken: string,
    limit: TimeLimit,
    commit: (lane: Lane) => Awaitable<T>,
  ): Awaitable<T> {
    const known = this.#lanes.get(storeToken)
    const lane = known ?? new Lane()
    const run = () => limit.apply(commit(lane), 'commit')
    const before = lane.tail
    const result = before
      ? before.then(() => {
          if (limit.over) throw limit.error('commit')
          return run()
        })
      : run()
    if (!isThenable(result)) return result
    const done = () => {
      if (lane.tail === tail) this.#lanes.delete(storeToken)
    }
    const tail: PromiseLike<unknown> = result.then(done, done)
    lane.tail = tail
    if (!known) this.#lanes.set(storeToken, lane)
    return before ? limit.apply(result, 'commit') : result
  }
}
