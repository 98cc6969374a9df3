import { type Awaitable, isThenable } from './awaitable.ts'
import { SessionError } from './errors.ts'

// Node turns a longer delay of a timer into 1 ms.
const longestDelay = 2 ** 31 - 1

/**
 * How long one operation may wait for a store. It ends the wait, not the call: what the store does later must be
 * ready for `over`.
 */
export class TimeLimit {
  readonly #milliseconds: number
  #over = false

  /** @param milliseconds 0: no limit */
  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds
  }

  /** Whether the wait has ended without an answer. */
  get over(): boolean {
    return this.#over
  }

  /** `pending`, or a rejection with `ERR_SESSION_STORE_TIMEOUT` when that takes too long. */
  apply<T>(pending: Awaitable<T>, operation: string): Awaitable<T> {
    if (!isThenable(pending) || this.#milliseconds === 0) return pending
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.#over = true
          reject(this.error(operation))
        },
        Math.min(this.#milliseconds, longestDelay),
      ).unref()
      const done = <V>(settle: (value: V) => void) => {
        return (value: V): void => {
          clearTimeout(timer)
          settle(value)
        }
      }
      pending.then(done(resolve), done(reject))
    })
  }

  /** The error of a limit that is over. */
  error(operation: string): SessionError {
    return new SessionError(
      'ERR_SESSION_STORE_TIMEOUT',
      `the store did not answer ${operation} within ${this.#milliseconds} ms (the option storeTimeout)`,
    )
  }
}
