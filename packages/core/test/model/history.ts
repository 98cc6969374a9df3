import { RequestLog } from './request-log.ts'
import type { Moment } from './session-work.ts'
import { bytesOf, isClaimed, type State, stateOf, tagsOf, textOf } from './state.ts'

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
  /** Tokens of sessions that an acknowledged commit has taken in. */
  readonly #taken = new Set<string>()
  /** Where a touch has moved the expiry to. */
  readonly #touched = new Map<string, number>()
  #wasToldOfFaults = false
  /** What is wrong unless the store failed, or the clock was moved. */
  readonly #doubtful: string[] = []
  /** Tokens with an acknowledged destroy or renewal. */
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

  /** onError has heard of something. */
  heard(error: unknown): void {
    if ((error as { code?: string }).code !== 'ERR_SESSION_REVOKED') this.#wasToldOfFaults = true
  }

  violation(what: string): void {
    this.violations.push(what)
  }

  /** A new session is to be written. */
  commits(log: RequestLog): void {
    if (log.revoked) this.#wroteRevoked(log)
  }

  /**
   * It was. Late, perhaps: the request has then another token, and may have been told that the session under that is gone; the
   * row of this one is known to nobody.
   */
  committed(log: RequestLog, moment: Moment, token: string, data: Uint8Array): void {
    if (this.#contents.has(token) && !log.tokens.has(token) && moment.work === log.work) {
      this.violation(`${log.name} wrote a new session over another's row`)
    }
    if (this.#known.has(token)) this.violation(`${log.name} wrote back without regard to others`)
    // A destroy that was done, though the request was told that it had failed, does not end the session.
    if (log.tokens.has(token)) this.#deleted.delete(token)
    if (this.#ordered) this.#contents.delete(token)
    const state = stateOf(data)
    let wrong = moment.work.explainNew(state, moment)
    // What an earlier write took in, of which it is not known that it was done, may be over with that.
    if (wrong && this.#mayExpire) wrong = moment.work.explainNew(state, { ...moment, claims: none })
    if (wrong !== undefined) this.violation(wrong)
    this.#anew.set(token, log)
    this.#wrote(log, token, data)
  }

  /** A session was replaced, or renamed. */
  swapped(
    log: RequestLog,
    moment: Moment,
    from: string,
    to: string,
    expected: Uint8Array,
    data: Uint8Array,
    expiry: Date,
  ): void {
    const before = stateOf(expected)
    const after = stateOf(data)
    this.#take(from, expected)
    if (from !== to) this.#left(from)
    const isMine = log.tokens.has(from)
    if (from !== to && isClaimed(expected)) {
      if (!log.merged.has(from))
        this.violation(`${log.name} took the place of what it does not merge`)
      this.#explained(log, moment.work.explainNew(after, moment))
      this.#wrote(log, to, data)
    } else if (isClaimed(data) || isClaimed(expected)) {
      if (isMine) this.violation(`${log.name} claimed its own session`)
      if (this.#taken.has(to) && !isClaimed(data))
        this.violation(`${log.name} gave back what was taken in`)
      const touched = Math.min(this.#touched.get(to) ?? 0, before.deadline)
      if (expiry.getTime() < touched) this.#doubtful.push(`${log.name} undid a touch`)
      if (textOf(before) !== textOf(after)) this.violation(`${log.name} changed what it claimed`)
      if (!log.merged.has(from)) this.violation(`${log.name} claimed what it does not merge`)
      const { claims } = moment.work
      if (isClaimed(data)) claims.set(from, claims.get(from) ?? { state: before, taken: false })
      else claims.delete(from)
      this.#put(to, data)
    } else if (!isMine && log.merged.has(from) && textOf(before) === textOf(after)) {
      // The same with another mark: a claim that comes late then finds something else.
      this.#put(to, data)
    } else {
      if (!isMine) this.violation(`${log.name} wrote a session that is not its own`)
      const wrong = moment.work.explain(before, after, moment)
      // A write that changes nothing, as a fence does, may come late: what was claimed meanwhile, and given back, is what it
      // expects. Whether all is in effect that was acknowledged is asked where that is told.
      if (textOf(before) !== textOf(after)) this.#explained(log, wrong)
      this.#wrote(log, to, data)
    }
    this.#checkAlive(log, to)
  }

  /** An expiry was moved. A session that another is just taking in may be touched: that was before. */
  touched(log: RequestLog, token: string, expiry: Date): void {
    this.#touched.set(token, expiry.getTime())
    if (this.#ordered && this.#taken.has(token))
      this.#doubtful.push(`${log.name} touched a session that was taken in`)
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
    for (const ended of log.leaving) {
      this.#die(log, ended)
      log.left(ended)
    }
    log.leaving.clear()
    work.acknowledged = Math.max(work.acknowledged, count)
    log.filed = token
    work.merging.clear()
    for (const [other, { taken }] of work.claims) if (taken) this.#taken.add(other)
    this.#known.add(token)
  }

  /** A destroy was answered. */
  destroyed(log: RequestLog, deadline: number): void {
    for (const token of [...log.tokens, ...log.ended])
      if (this.#known.has(token)) this.#die(log, token)
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
   *
   * @param faulty whether there were faults: a session may then be stuck where nobody finds it, of which onError hears
   */
  finish(live: ReadonlyMap<string, Uint8Array>, faulty: boolean): void {
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
    if (!faulty && !mayExpire) this.violations.push(...this.#doubtful)
    for (const [token, data] of live) {
      if (isClaimed(data) && !(faulty && this.#wasToldOfFaults)) {
        this.violation('a claimed session was left behind, and nobody heard of it')
      }
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

  #explained(log: RequestLog, wrong: string | undefined): void {
    if (wrong !== undefined) this.violation(wrong)
    if (log.revoked) this.#wroteRevoked(log)
  }

  #wroteRevoked(log: RequestLog): void {
    this.violation(`${log.name} wrote after it was told that it is revoked`)
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
      if (isClaimed(data)) continue
      const author = this.#known.has(token) ? undefined : this.#anew.get(token)
      for (const tag of tagsOf(stateOf(data))) {
        if (author && tag.startsWith(`${author.name}.`)) continue
        if (seen.has(tag)) this.violation(`${tag} is there twice`)
        seen.add(tag)
      }
    }
  }
}

const none: Moment['claims'] = new Map()

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('latin1')
}
