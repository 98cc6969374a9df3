import { setImmediate as nextTurn } from 'node:timers/promises'

/** A value, or a promise of it. */
export type Awaitable<T> = T | PromiseLike<T>

/** Whether `value` must be waited for. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | undefined | null)?.then === 'function'
}

/**
 * `next` with the value, at once unless it is a promise: a store that answers synchronously costs
 * no promise and holds no response.
 */
export function andThen<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isThenable(value) ? value.then(next) : next(value)
}

/** What `run` gives, or what `recover` makes of the error that it throws or rejects with. */
export function orElse<T>(
  run: () => Awaitable<T>,
  recover: (error: unknown) => Awaitable<T>,
): Awaitable<T> {
  try {
    const value = run()
    return isThenable(value) ? value.then(undefined, recover) : value
  } catch (error) {
    return recover(error)
  }
}

/**
 * `callback`, without its errors: what it throws, or rejects with, is logged. A callback that only
 * reports must neither fail the work that it reports on nor end the process.
 */
export function guarded<Args extends unknown[]>(
  callback: (...args: Args) => unknown,
): (...args: Args) => void {
  return (...args) => void orElse(() => callback(...args), logFailure)
}

function logFailure(error: unknown): void {
  console.error('scs: a callback for errors has failed:', error)
}

// Milliseconds. What a store does between two rows comes on top of it.
const longestTurn = 5

/**
 * One turn of the event loop: a loop over many rows ends it after a few milliseconds, so that
 * requests come through.
 */
export class Turn {
  #began = performance.now()

  /** Whether the turn has been long enough. */
  get isOver(): boolean {
    return performance.now() - this.#began >= longestTurn
  }

  /** Fulfilled in another turn, which has just begun. */
  async next(): Promise<void> {
    await nextTurn()
    this.#began = performance.now()
  }
}
