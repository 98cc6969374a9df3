import { type Awaitable, isThenable } from './awaitable.ts'
import { longestDelay } from './duration.ts'
import { SessionError } from './errors.ts'
import { excluding, including, none } from './few.ts'

/**
 * How long one operation may wait for a store, in all: for its turn, for each call, and between tries. It ends the
 * wait, not the call: what the store does later must be ready for `over`.
 */
export class TimeLimit {
  readonly #milliseconds: number
  readonly #end: number
  /** Who waits. */
  #waiting: readonly (() => void)[] = none
  #timer: NodeJS.Timeout | undefined
  #over = false
  /** What is waited for when it is not the store: the error to give then. */
  blame: SessionError | undefined

  /** Begins now. @param milliseconds 0: no limit */
  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds
    this.#end = milliseconds === 0 ? Number.POSITIVE_INFINITY : performance.now() + milliseconds
  }

  /** Whether the wait has ended without an answer. */
  get over(): boolean {
    return this.#over
  }

  /**
   * `pending`, or a rejection: with `ERR_SESSION_STORE_TIMEOUT` when that takes too long, with its reason when `signal` is
   * aborted before.
   */
  apply<T>(pending: Awaitable<T>, operation: string, signal?: AbortSignal): Awaitable<T> {
    if (!isThenable(pending) || (this.#milliseconds === 0 && !signal)) return pending
    return new Promise<T>((resolve, reject) => {
      const end = () => reject(signal?.aborted ? signal.reason : this.error(operation))
      if (this.#over || signal?.aborted) end()
      this.#await(end)
      signal?.addEventListener('abort', end)
      const done = <V>(settle: (value: V) => void) => {
        return (value: V): void => {
          this.#forget(end)
          signal?.removeEventListener('abort', end)
          settle(value)
        }
      }
      pending.then(done(resolve), done(reject))
    })
  }

  /** The error of a limit that is over. */
  error(operation: string): SessionError {
    return (
      this.blame ??
      new SessionError(
        'ERR_SESSION_STORE_TIMEOUT',
        `the store did not answer ${operation} within ${this.#milliseconds} ms (the option storeTimeout)`,
      )
    )
  }

  #await(end: () => void): void {
    if (this.#milliseconds === 0) return
    this.#waiting = including(this.#waiting, end)
    this.#timer ??= this.#start()
  }

  #forget(end: () => void): void {
    this.#waiting = excluding(this.#waiting, end)
    if (this.#waiting.length > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #start(): NodeJS.Timeout {
    const left = Math.ceil(Math.max(this.#end - performance.now(), 0))
    const end = () => {
      this.#over = true
      for (const wait of this.#waiting) wait()
    }
    return setTimeout(end, Math.min(left, longestDelay)).unref()
  }
}
