/** Where requests wait for each other: those that have loaded their sessions, until all may go on. */
export class Barrier {
  #waiting: (() => void)[] = []
  #watchers: (() => void)[] = []

  /** Fulfilled at the next `release`. */
  arrive(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push(resolve)
    for (const look of this.#watchers) look()
    return promise
  }

  /** Fulfilled when `count` are waiting. */
  arrived(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = () => {
      if (this.#waiting.length >= count) resolve()
    }
    this.#watchers = [look]
    look()
    return promise
  }

  /** Lets go all that are waiting. */
  release(): void {
    for (const go of this.#waiting.splice(0)) go()
  }
}
