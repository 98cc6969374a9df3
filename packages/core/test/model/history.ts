import type { Swap } from '../../src/index.ts'
import { RequestLog } from './request-log.ts'
import type { Moment } from './session-work.ts'
import { bytesOf, type State, stateOf, tagsOf, textOf } from './state.ts'

/**
 * The oracle: hears of each write that took effect, and of each answer that a request got, and collects what is wrong.
 * Every write must be explained by its request's changes, made to what was there; what was acknowledged must be in
 * effect; what is dead stays dead.
 */
export class History {
  readonly violations: string[] = []
  readonly #ordered: boolean
  readonly #mayExpire: boolean
  readonly #requests: RequestLog[] = []
  /** How often each content of each token was written, less how often it was replaced: what is left is there. */
  readonly #contents = new Map<string, Map<string, number>>()
  /** What is where, when writes are heard of in the order in which they took effect. */
  readonly #rows = new Map<string, Uint8Array>()
  /** Tokens that a client knows. */
  readonly #known = new Set<string>()
  /** Rows of new sessions, and whose they are. */
  readonly #anew = new Map<string, RequestLog>()
  /** Tokens with an acknowledged destroy or renewal, and those of absorbed rows. */
  readonly #dead = new Set<string>()
  /** Tokens that some row has left. */
  readonly #gone = new Set<string>()
  /** Tokens whose row was deleted. */
  readonly #deleted = new Set<string>()
  /** Requests that were told of a revocation, and the token that it was of. */
  readonly #told = new Map<RequestLog, string>()
  /** Acknowledged renewals of each token. */
  readonly #renewals = new Map<string, number>()

  /**
   * @param ordered whether writes are heard of in the order in which they take effect
   * @param mayExpire whether sessions may be gone because their time was over
   */
  constructor(ordered: boolean, mayExpire = false) {
    this.#ordered = ordered
    this.#mayExpire = mayExpire
  }

  /** A session that is there at the beginning. */
  seed(token: string, state: State): void {
    this.#known.add(token)
    this.#put(token, bytesOf(state))
  }

  /** A request begins. */
  request(name: string): RequestLog {
    const log = new RequestLog(name)
    this.#requests.push(log)
    return log
  }

  violation(what: string): void {
    this.violations.push(what)
  }

  /** A swap is sent. */
  sends(log: RequestLog): void {
    if (log.revoked) this.violation(`${log.name} wrote after it was told that it is revoked`)
  }

  /** A swap took effect. Late, perhaps: the request may have been told meanwhile that it failed. */
  swapped(log: RequestLog, moment: Moment, { from, to, absorbed }: Swap): void {
    const after = stateOf(to.data)
    for (const { token, data } of absorbed) {
      if (!log.merged.has(token)) this.violation(`${log.name} absorbed what it does not merge`)
      this.#take(token, data)
      this.#left(token)
      this.#dead.add(token)
    }
    const others = statesOf(absorbed)
    if (from) {
      if (!log.tokens.has(from.token)) {
        this.violation(`${log.name} wrote a session that is not its own`)
      }
      this.#take(from.token, from.data)
      if (from.token !== to.token) this.#left(from.token)
      this.#explained(moment.work.explain(stateOf(from.data), after, moment, others))
    } else {
      if (this.#rows.has(to.token)) this.violation(`${log.name} wrote over a row`)
      if (this.#known.has(to.token)) this.violation(`${log.name} brought a token back`)
      // A destroy that was done, though the request was told that it had failed, does not end the session.
      this.#deleted.delete(to.token)
      this.#explained(moment.work.explainNew(after, moment, others))
      this.#anew.set(to.token, log)
    }
    this.#wrote(log, to.token, to.data)
  }

  /** An expiry was moved. */
  touched(log: RequestLog, token: string): void {
    if (token !== log.filed) this.violation(`${log.name} touched a session that is not its own`)
    this.#checkAlive(log, token)
  }

  deleted(log: RequestLog, token: string): void {
    if (!log.mayDelete(token)) this.violation(`${log.name} deleted what it must not`)
    this.#left(token)
    log.signedOut?.add(token)
    this.#deleted.add(token)
    this.#rows.delete(token)
  }

  /** A commit of the first `count` changes was answered, with the token for the cookie. */
  acknowledged(log: RequestLog, count: number, token: string): void {
    const { work } = log
    if (work.done < count) {
      this.violation(
        `${log.name} was acknowledged ${count} changes, and ${work.done} are in effect`,
      )
    }
    if (!log.tokens.has(token)) this.violation(`${log.name} got a token without a row`)
    if (log.filed !== '' && log.filed !== token) this.#renewed(log)
    work.acknowledged = Math.max(work.acknowledged, count)
    log.filed = token
    work.merging.clear()
    this.#known.add(token)
  }

  /** A destroy was answered. */
  destroyed(log: RequestLog, deadline: number): void {
    for (const token of log.tokens) if (this.#known.has(token)) this.#die(log, token)
    log.reset(deadline)
  }

  /** Whether the row under `token` was deleted. */
  wasDeleted(token: string): boolean {
    return this.#deleted.has(token)
  }

  /** A destroy of one of all sessions was answered. */
  signedOut(log: RequestLog): void {
    for (const token of log.signedOut ?? []) if (this.#known.has(token)) this.#die(log, token)
  }

  /** A request was told that its session is gone. */
  revoked(log: RequestLog): void {
    log.revoked = true
    // '': it has destroyed its session meanwhile.
    if (log.filed !== '') this.#told.set(log, log.filed)
  }

  /**
   * The end: `live` is what the store holds.
   */
  finish(live: ReadonlyMap<string, Uint8Array>): void {
    const mayExpire = this.#mayExpire
    for (const [log, token] of this.#told) {
      if (!this.#gone.has(token) && !mayExpire) {
        this.violation(`${log.name} was told of a revocation that never was`)
      }
    }
    for (const token of this.#deleted) {
      // A new one whose first commit came late is known to nobody.
      if (live.has(token) && this.#known.has(token)) {
        this.violation('a deleted session lives at the end')
      }
    }
    for (const token of this.#dead) {
      if (live.has(token)) this.violation('a dead token lives at the end')
    }
    for (const [token, data] of live) {
      const left = this.#remaining(token)
      if (left.length !== 1 || left[0] !== hex(data)) {
        this.violation(`a row holds ${textOf(stateOf(data))}, which was not its last write`)
      }
    }
    for (const token of this.#contents.keys()) {
      if (
        !live.has(token) &&
        !this.#deleted.has(token) &&
        !mayExpire &&
        this.#remaining(token).length > 0
      ) {
        this.violation('a session that nobody deleted is gone')
      }
    }
    this.#checkTags(live)
  }

  #explained(wrong: string | undefined): void {
    if (wrong !== undefined) this.violation(wrong)
  }

  #wrote(log: RequestLog, token: string, data: Uint8Array): void {
    log.tokens.add(token)
    this.#put(token, data)
    this.#checkAlive(log, token)
    if (!this.#ordered) return
    this.#checkTags(this.#rows)
  }

  #put(token: string, data: Uint8Array): void {
    const counts = this.#contents.get(token) ?? new Map<string, number>()
    counts.set(hex(data), (counts.get(hex(data)) ?? 0) + 1)
    this.#contents.set(token, counts)
    this.#rows.set(token, data)
  }

  #take(token: string, data: Uint8Array): void {
    const counts = this.#contents.get(token) ?? new Map<string, number>()
    counts.set(hex(data), (counts.get(hex(data)) ?? 0) - 1)
    this.#contents.set(token, counts)
    this.#rows.delete(token)
  }

  #left(token: string): void {
    this.#gone.add(token)
  }

  #remaining(token: string): string[] {
    const counts = this.#contents.get(token) ?? new Map<string, number>()
    return [...counts].flatMap(([data, count]) => Array<string>(Math.abs(count)).fill(data))
  }

  #renewed(log: RequestLog): void {
    const count = (this.#renewals.get(log.filed) ?? 0) + 1
    this.#renewals.set(log.filed, count)
    if (count > 1) this.violation(`${count} renewals of one token were acknowledged`)
    this.#die(log, log.filed)
    log.left(log.filed)
  }

  #die(log: RequestLog, token: string): void {
    this.#dead.add(token)
    if (this.#ordered && this.#rows.has(token)) {
      this.violation(`${log.name} was told that a token is dead which lives`)
    }
  }

  #checkAlive(log: RequestLog, token: string): void {
    if (this.#ordered && this.#dead.has(token))
      this.violation(`${log.name} brought a dead token back`)
  }

  // Rows that nobody knows count too. Only what a request itself has put into a new session may be there again, where
  // the first commit was not acknowledged and came late.
  #checkTags(rows: ReadonlyMap<string, Uint8Array>): void {
    const seen = new Set<string>()
    for (const [token, data] of rows) {
      const author = this.#known.has(token) ? undefined : this.#anew.get(token)
      for (const tag of tagsOf(stateOf(data))) {
        if (author && tag.startsWith(`${author.name}.`)) continue
        if (seen.has(tag)) this.violation(`${tag} is there twice`)
        seen.add(tag)
      }
    }
  }
}

function statesOf(rows: Swap['absorbed']): Map<string, State> {
  return new Map(rows.map(({ token, data }) => [token, stateOf(data)]))
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('latin1')
}
