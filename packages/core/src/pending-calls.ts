import { excluding, including, none } from './few.ts'

/**
 * Calls of the application on the session of one request. The response waits for those that are pending, and is not sent when
 * one has failed that the application does not wait for.
 */
export class PendingCalls {
  readonly #report: (error: unknown) => void
  #calls: readonly PromiseLike<unknown>[] = none
  #failed: { readonly call: WatchedPromise<unknown>; readonly error: unknown } | undefined
  #isOver = false

  /** @param report receives the error of a call that fails after {@link end}, and that nobody waits for */
  constructor(report: (error: unknown) => void) {
    this.#report = report
  }

  get isEmpty(): boolean {
    return this.#calls.length === 0
  }

  /**
   * Adds a call until it has settled, and gives the promise for the caller. With a `hasResponse` that can tell of its failure,
   * that is never an unhandled rejection.
   */
  add<T>(result: Promise<T>, hasResponse: boolean): Promise<T> {
    const call = hasResponse ? this.#watched(result) : result.then((value) => value)
    const pending = hasResponse ? result : call
    const settled = () => {
      this.#calls = excluding(this.#calls, pending)
    }
    this.#calls = including(this.#calls, pending)
    result.then(settled, settled)
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

  /** Fulfilled when the calls that are pending now have settled; rejects with the error of the first that failed. */
  settled(): Promise<unknown> {
    return Promise.all(this.#calls)
  }

  /** Throws the error of a call that has failed, when nobody waits for it; once. */
  check(): void {
    const failed = this.#failed
    this.#failed = undefined
    if (failed && !failed.call.isAwaited) throw failed.error
  }

  /** No response is left that could tell of a failure. */
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
