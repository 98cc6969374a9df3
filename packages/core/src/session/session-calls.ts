import { type Awaitable, andThen, isThenable } from '../util/promises.ts'
import type { Timeout } from '../util/timeout.ts'

/** Something that is called once at a time. */
export interface Callee {
  /** Settles when the last call that has waited for another, or for the store, is done. */
  turn: PromiseLike<unknown> | undefined
}

/**
 * Runs `call` when the calls before it are done; at once when there was none. Waits no longer than
 * `timeout`.
 */
export function inTurn<T>(
  callee: Callee,
  call: () => Awaitable<T>,
  timeout?: Timeout,
): Awaitable<T> {
  const { turn: before } = callee
  const result = before ? runAfter(before, call, timeout) : call()
  if (!isThenable(result)) return result
  // A call that has not waited long enough leaves those before it in the queue.
  const settled = () => before
  callee.turn = result.then(settled, settled)
  return result
}

function runAfter<T>(
  before: PromiseLike<unknown>,
  call: () => Awaitable<T>,
  timeout: Timeout | undefined,
): Awaitable<T> {
  return andThen(timeout ? timeout.wait(before, 'commit') : before, () => {
    // The call before it may have ended at the very moment when this one timed out.
    timeout?.check('commit')
    return call()
  })
}

/** The commits of one stored session that are under way in this process. */
export class SessionQueue implements Callee {
  turn: PromiseLike<unknown> | undefined
  /** What the last commit wrote: the next starts from it. `undefined` when that is not known. */
  written: Uint8Array | undefined
}

/**
 * Runs the commits of one session one after another within this process, so that they do not
 * conflict in the database. For speed alone: no change is lost without it, because the store's
 * `swap` compares. A queue lives as long as a commit is in it.
 */
export class CommitQueue {
  readonly #queues = new Map<string, SessionQueue>()

  /** How many sessions have a commit under way. */
  get size(): number {
    return this.#queues.size
  }

  /**
   * Runs `commit` when those before it are done; at once when there is none. Waits no longer than
   * `timeout`.
   */
  enter<T>(
    storeToken: string,
    timeout: Timeout,
    commit: (queue: SessionQueue) => Awaitable<T>,
  ): Awaitable<T> {
    const queue = this.#queues.get(storeToken) ?? new SessionQueue()
    const result = inTurn(queue, () => commit(queue), timeout)
    const { turn } = queue
    if (!turn) return result
    this.#queues.set(storeToken, queue)
    turn.then(() => {
      if (queue.turn === turn) this.#queues.delete(storeToken)
    })
    return result
  }
}

/**
 * Calls of the application on the session of one request. The response waits for those that are
 * pending, and is not sent when one has failed that the application does not wait for.
 */
export class PendingCalls {
  readonly #report: (error: unknown) => void
  /** Each with a promise that is fulfilled when it has settled. */
  readonly #pending = new Map<Promise<unknown>, Promise<unknown>>()
  #failed: { readonly call: WatchedPromise<unknown>; readonly error: unknown } | undefined
  #isOver = false

  /**
   * @param report receives the error of a call that fails after {@link end}, and that nobody waits
   * for
   */
  constructor(report: (error: unknown) => void) {
    this.#report = report
  }

  get isEmpty(): boolean {
    return this.#pending.size === 0
  }

  /**
   * Adds a call until it has settled, and gives the promise for the caller. When its failure
   * `isReported`, by the response or by `report`, it is never an unhandled rejection.
   */
  add<T>(result: Promise<T>, isReported: boolean): Promise<T> {
    const call = isReported ? this.#watched(result) : result.then((value) => value)
    const pending = isReported ? result : call
    const settled = () => this.#pending.delete(pending)
    this.#pending.set(pending, result.then(settled, settled))
    return call
  }

  #watched<T>(result: Promise<T>): Promise<T> {
    const call = new WatchedPromise<T>((resolve) => resolve(result))
    call.watch((error) => {
      if (call.isAwaited) return
      if (this.#isOver) this.#report(error)
      else this.#failed ??= { call, error }
    })
    return call
  }

  /**
   * Waits until no call is pending. Rejects with the error of the first that fails meanwhile,
   * unless it `ignoresErrors`.
   */
  async settled(timeout: Timeout, ignoresErrors = false): Promise<void> {
    while (!this.isEmpty) {
      const pending = ignoresErrors ? this.#pending.values() : this.#pending.keys()
      await timeout.wait(Promise.all(pending), 'the calls of this request')
    }
  }

  /** Throws the error of a call that has failed, when nobody waits for it; once. */
  check(): void {
    const failed = this.#failed
    this.#failed = undefined
    if (failed && !failed.call.isAwaited) throw failed.error
  }

  /** No response is left that could report a failure. */
  end(): void {
    this.#isOver = true
  }
}

/** A promise that knows whether anybody waits for it. */
class WatchedPromise<T> extends Promise<T> {
  isAwaited = false

  // What is derived from it is a plain promise.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  // biome-ignore lint/suspicious/noThenProperty: `await` and `catch` call it.
  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isAwaited = true
    return super.then(fulfilled, rejected)
  }

  /** Calls `failed` when it rejects, without counting as somebody who waits. */
  watch(failed: (error: unknown) => void): void {
    super.then(undefined, failed)
  }
}
