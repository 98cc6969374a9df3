import { applied, type Change, counts, type State, stateOf, textOf } from './state.ts'

/** A session that is to be merged, as it was claimed. */
export interface Claim {
  readonly state: State
  /** Whether a write has taken it in. */
  taken: boolean
  /** Whether a write may have: what was merged and cleared leaves no trace. */
  mayBeTaken?: boolean
}

/** What a request had done to a session when it made a store call. */
export interface Moment {
  readonly work: SessionWork
  /** How many changes there were. */
  readonly seen: number
  readonly claims: ReadonlyMap<string, Claim>
}

/** A write that was sent, in effect or not. */
export interface Sent extends Moment {
  readonly token: string
  readonly expected: Uint8Array
  readonly data: Uint8Array
}

/** What one request does to one session, and how much of it is known to be in the store. */
export class SessionWork {
  readonly name: string
  readonly changes: Change[] = []
  /** Sessions that the next commit takes in. */
  readonly merging = new Set<string>()
  /** What was claimed of the sessions that the next commit takes in, by the token. */
  readonly claims = new Map<string, Claim>()
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
    return { work: this, seen: this.changes.length, claims: new Map(this.claims) }
  }

  /** A write that made `after` of `before` took effect: what is wrong with it. */
  explain(before: State, after: State, { seen, claims }: Moment): string | undefined {
    const goal = textOf(after)
    let done: number | undefined
    for (let from = this.#done; from >= this.acknowledged; from--) {
      for (let to = seen; to >= from; to--) {
        const made = applied(before, this.changes.slice(from, to), claims)
        if (textOf(made) !== goal) continue
        if (to > from) for (const claim of claims.values()) claim.mayBeTaken = true
        if (done !== undefined) continue
        done = to
        this.#wrote(from, to, claims)
      }
      // An effect that was not acknowledged may be made again, unless that counts it twice.
      if (this.changes.slice(from - 1, from).some(counts)) break
    }
    if (done !== undefined) return undefined
    return `${this.name} made ${goal} of ${textOf(before)} by ${this.#changesText(seen)}, ${this.#done} of them done`
  }

  /** As {@link explain}, for a session that is in no store, or only by this request's own doing. */
  explainNew(after: State, { seen, claims }: Moment): string | undefined {
    const goal = textOf(after)
    for (let to = seen; to >= 0; to--) {
      const made = applied(this.#fresh, this.changes.slice(0, to), claims)
      if (textOf(made) === goal) return this.#wrote(0, to, claims)
    }
    return `${this.name} made ${goal} anew by ${this.#changesText(seen)}`
  }

  /**
   * The row was seen to hold what was sent. Where nothing counts, the same bytes are the same outcome, whoever has
   * written them.
   */
  sawItsBytes(sent: Sent): void {
    if (!this.changes.slice(this.#done, sent.seen).some(counts)) {
      this.explain(stateOf(sent.expected), stateOf(sent.data), sent)
    }
  }

  #wrote(from: number, to: number, claims: ReadonlyMap<string, Claim>): undefined {
    this.#done = Math.max(this.#done, to)
    // One that only makes sure that no earlier write comes late takes nothing in, but what has nothing to take.
    for (const claim of claims.values()) claim.taken ||= to > from || claim.state.values.size === 0
  }

  #changesText(seen: number): string {
    return JSON.stringify(this.changes.slice(0, seen))
  }
}
