import { setImmediate as nextTurn } from 'node:timers/promises'

// Milliseconds. What a store does between two rows comes on top of it.
const longest = 5

/** One turn of the event loop: a loop over many rows ends it after a few milliseconds, so that requests come through. */
export class Turn {
  #began = performance.now()

  /** Whether the turn has been long enough. */
  get isOver(): boolean {
    return performance.now() - this.#began >= longest
  }

  /** Fulfilled in another turn, which has just begun. */
  async next(): Promise<void> {
    await nextTurn()
    this.#began = performance.now()
  }
}
