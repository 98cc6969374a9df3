import SQLite from 'better-sqlite3'
import { quantileOf } from '../support/statistics.ts'
import type { FloodedName } from './flooded-stores.ts'

/** How long the cleanup has stopped the event loop at a time, in milliseconds. */
export interface Steps {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly longest: number
}

/**
 * Measures every step of a cleanup in this process from now on, where a step stops the event loop: a DELETE on SQLite with all
 * that the store runs around it, and 1,000 rows in memory.
 */
export class CleanupSteps {
  readonly #times: number[] = []
  /** Of the step that is in progress. */
  #time = 0

  constructor(store: FloodedName) {
    if (store === 'sqlite') this.#watchSqlite()
    if (store === 'memory') this.#watchMemory()
  }

  /** Forgets those until now. */
  clear(): void {
    this.#times.length = 0
  }

  /** Undefined when there was none. */
  get result(): Steps | undefined {
    if (this.#times.length === 0) return undefined
    const at = (q: number) => quantileOf(this.#times, q)
    return {
      count: this.#times.length,
      p50: at(0.5),
      p99: at(0.99),
      p999: at(0.999),
      longest: at(1),
    }
  }

  // What is called in one go belongs to one step.
  #add(time: number): void {
    if (this.#time === 0) {
      queueMicrotask(() => {
        this.#times.push(this.#time)
        this.#time = 0
      })
    }
    this.#time += time
  }

  #timed<T>(run: () => T): T {
    const start = performance.now()
    try {
      return run()
    } finally {
      this.#add(performance.now() - start)
    }
  }

  #watchSqlite(): void {
    const watch = this
    const { prepare, pragma } = SQLite.prototype
    SQLite.prototype.pragma = function (this: SQLite.Database, ...args) {
      return watch.#timed(() => pragma.apply(this, args))
    }
    SQLite.prototype.prepare = function (this: SQLite.Database, text: string) {
      const statement = prepare.call(this, text)
      if (text.startsWith('delete')) {
        const all = statement.all.bind(statement) as (...values: unknown[]) => unknown[]
        statement.all = (...values: unknown[]) => watch.#timed(() => all(...values))
      }
      return statement
    } as typeof prepare
  }

  // The sweep alone takes its turns from the global timer; between two of them it looks at its rows.
  #watchMemory(): void {
    const { setImmediate } = globalThis
    let began: number | undefined
    globalThis.setImmediate = ((callback: () => void) => {
      if (began !== undefined) this.#add(performance.now() - began)
      return setImmediate(() => {
        began = performance.now()
        callback()
        setImmediate(() => {
          began = undefined
        })
      })
    }) as typeof setImmediate
  }
}
