import { type Awaitable, andThen, isThenable } from './awaitable.ts'
import type { Timeout } from './timeout.ts'

/** The commits of one session that are under way in this process. */
export class SessionQueue {
  /** Settles when the last commit that has entered is done. */
  tail: PromiseLike<unknown> | undefined
  /** What the last commit wrote: the next starts from it. `undefined` when that is not known. */
  written: Uint8Array | undefined
}

/**
 * Runs the commits of one session one after another within this process, so that they do not conflict in the database. For
 * speed alone: no change is lost without it, because the store's `swap` compares. A queue lives as long as a commit is in it.
 */
export class CommitQueue {
  readonly #queues = new Map<string, SessionQueue>()

  /** How many sessions have a commit under way. */
  get size(): number {
    return this.#queues.size
  }

  /** Runs `commit` when those before it are done; at once when there is none. Waits no longer than `timeout`. */
  enter<T>(
    storeToken: string,
    timeout: Timeout,
    commit: (queue: SessionQueue) => Awaitable<T>,
  ): Awaitable<T> {
    const known = this.#queues.get(storeToken)
    const queue = known ?? new SessionQueue()
    const { tail: before } = queue
    const turn = before && timeout.wait(before, 'commit')
    const result = andThen(turn, () => {
      // The commit before it may have ended at the very moment when this one timed out.
      if (before) timeout.check('commit')
      return commit(queue)
    })
    if (!isThenable(result)) return result
    // A commit that has not waited long enough leaves those before it in the queue.
    const settled = () => before
    const tail: PromiseLike<unknown> = result.then(settled, settled).then(() => {
      if (queue.tail === tail) this.#queues.delete(storeToken)
    })
    queue.tail = tail
    if (!known) this.#queues.set(storeToken, queue)
    return result
  }
}
