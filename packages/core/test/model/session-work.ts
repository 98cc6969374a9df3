import type { Swap } from '../../src/index.ts'
import { applied, type Change, counts, type State, stateOf, textOf } from './state.ts'

/** What a request had done to a session when it made a store call. */
export interface Moment {
  readonly work: SessionWork
  /** How many changes there were. */
  readonly seen: number
}

/** A write that was sent, in effect or not. */
export interface Sent extends Moment {
  readonly swap: Swap
}

/** What the rows held that a write absorbed, by token. */
type Absorbed = ReadonlyMap<string, State>

/** What one request does to one session, and how much of it is known to be in the store. */
export class SessionWork {
  readonly name: string
  readonly changes: Change[] = []
  /** Sessions that the next commit takes in. */
  readonly merging = new Set<string>()
  /** Changes that some commit was acknowledged with. */
  acknowledged = 0
  /** Its writes over a row of its own. */
  readonly sent: Sent[] = []
  readonly #fresh: State
  #done = 0

  /** @param deadline of a session that is in no store */
  constructor(name: string, deadline: number) {
    this.name = name
    this.#fresh = { deadline, values: new Map() }
  }

  /** How many changes are in effect. */
  get done(): number {
    return this.#done
  }

  get moment(): Moment {
    return { work: this, seen: this.changes.length }
  }

  /** A write that made `after` of `before` took effect: what is wrong with it. */
  explain(before: State, after: State, { seen }: Moment, absorbed: Absorbed): string | undefined {
    const goal = textOf(after)
    let done: number | undefined
    for (let from = this.#done; from >= this.acknowledged; from--) {
      for (let to = seen; to >= from; to--) {
        const made = applied(before, this.changes.slice(from, to), absorbed)
        if (textOf(made) !== goal) continue
        if (done !== undefined) continue
        done = to
        this.#wrote(to)
      }
      // An effect that was not acknowledged may be made again, unless that counts it twice.
      if (this.changes.slice(from - 1, from).some(counts)) break
    }
    if (done !== undefined) return undefined
    return `${this.name} made ${goal} of ${textOf(before)} by ${this.#changesText(seen)}, ${this.#done} of them done`
  }

  /** As {@link explain}, for a session that is in no store, or only by this request's own doing. */
  explainNew(after: State, { seen }: Moment, absorbed: Absorbed): string | undefined {
    const goal = textOf(after)
    for (let to = seen; to >= 0; to--) {
      const made = applied(this.#fresh, this.changes.slice(0, to), absorbed)
      if (textOf(made) === goal) return this.#wrote(to)
    }
    return `${this.name} made ${goal} anew by ${this.#changesText(seen)}`
  }

  /**
   * The row was seen to hold what was sent. Where nothing counts, the same bytes are the same outcome, whoever has
   * written them.
   */
  sawItsBytes(sent: Sent): void {
    if (!this.changes.slice(this.#done, sent.seen).some(counts)) {
      const { from, to, absorbed } = sent.swap
      const others = new Map(absorbed.map(({ token, data }) => [token, stateOf(data)]))
      if (from) this.explain(stateOf(from.data), stateOf(to.data), sent, others)
    }
  }

  #wrote(to: number): undefined {
    this.#done = Math.max(this.#done, to)
  }

  #changesText(seen: number): string {
    return JSON.stringify(this.changes.slice(0, seen))
  }
}
