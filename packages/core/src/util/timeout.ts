import { longestDelay } from '../duration.ts'
import { SessionError } from '../errors.ts'
import { type Awaitable, isThenable } from './promises.ts'

/**
 * How long one operation may wait for the store, in all: for its turn, for each call, and between
 * retries. It ends the wait, not the call: the store may still do what it was asked for.
 */
export class Timeout {
  readonly #milliseconds: number
  #end: number

  /** Begins now. @param milliseconds 0: no time-out */
  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds
    this.#end = milliseconds === 0 ? Number.POSITIVE_INFINITY : performance.now() + milliseconds
  }

  /** Whether the time is over. */
  get isOver(): boolean {
    return performance.now() >= this.#end
  }

  /**
   * `pending`, or a rejection: with `ERR_SESSION_STORE_TIMEOUT` when the time is over first, with
   * the reason of `signal` when that is aborted first.
   */
  wait<T>(pending: Awaitable<T>, operation: string, signal?: AbortSignal): Awaitable<T> {
    if (!isThenable(pending) || (this.#milliseconds === 0 && !signal)) return pending
    return new Promise<T>((resolve, reject) => {
      const abort = () => settle(() => reject(signal?.reason))
      const expire = () => {
        // Timers may fire a little early.
        this.#end = Number.NEGATIVE_INFINITY
        settle(() => reject(this.#error(operation)))
      }
      const timer = this.#start(expire)
      const settle = (end: () => void) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        end()
      }
      signal?.addEventListener('abort', abort)
      pending.then(
        (value) => settle(() => resolve(value)),
        (error) => settle(() => reject(error)),
      )
      if (signal?.aborted) abort()
    })
  }

  /** Throws `ERR_SESSION_STORE_TIMEOUT` when the time is over. */
  check(operation: string): void {
    if (this.isOver) throw this.#error(operation)
  }

  #start(expire: () => void): NodeJS.Timeout | undefined {
    if (this.#milliseconds === 0) return undefined
    const left = Math.ceil(Math.max(this.#end - performance.now(), 0))
    return setTimeout(expire, Math.min(left, longestDelay)).unref()
  }

  #error(operation: string): SessionError {
    return new SessionError(
      'ERR_SESSION_STORE_TIMEOUT',
      `the store did not answer ${operation} within ${this.#milliseconds} ms (the option storeTimeout)`,
    )
  }
}
