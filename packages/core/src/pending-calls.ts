import { excluding, including, none } from './few.ts'

/** The calls of one request's session that have not settled, so that a response can wait for them. */
export class PendingCalls {
  #calls: readonly Promise<unknown>[] = none

  get isEmpty(): boolean {
    return this.#calls.length === 0
  }

  /** Adds a call until it has settled, and gives the promise for the caller. */
  add<T>(result: Promise<T>): Promise<T> {
    const call = result.then((value) => value)
    const settled = () => {
      this.#calls = excluding(this.#calls, call)
    }
    this.#calls = including(this.#calls, call)
    result.then(settled, settled)
    return call
  }

  /**
   * Fulfilled when the calls that are pending now have settled; rejects with the error of the first that failed, which is
   * then no unhandled rejection where the caller has forgotten to await it.
   */
  settled(): Promise<unknown> {
    return Promise.all(this.#calls)
  }
}
