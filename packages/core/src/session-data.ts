import { headersSent, SessionError } from './errors.ts'
import { including, none } from './few.ts'
import type { PendingCalls } from './pending-calls.ts'

/** What a request has done to its session. `'revoked'`: gone from the store while the request was running. */
export type Status = 'unmodified' | 'modified' | 'destroyed' | 'revoked'

/** What a session holds: all that is encoded. */
export interface SessionState {
  deadline: Date
  readonly values: Map<string, unknown>
  /** The codec's own notes on the row that was read. */
  readonly origin?: unknown
}

/** One thing that a request did to its session. It may be done again, to a state that others have changed meanwhile. */
export type Change = (state: SessionState) => void

/** Who wants to know that a session was changed. */
export interface Observer {
  changed(): void
}

/** A row as it was last read or written. */
export interface StoredRow {
  readonly storeToken: string
  readonly data: Uint8Array
  /** Whether another session was taking it in when it was read. */
  readonly isClaimed: boolean
}

/** One write of a session over the row that holds it: one call of the store. */
export interface Attempt {
  /** The store token that the row has when it is done. */
  readonly storeToken: string
  readonly bytes: Uint8Array
  readonly expiry: Date
  /** How many of the pending changes are in it. */
  readonly changes: number
  /** The sessions that are taken in by it. */
  readonly merges: readonly MergedSession[]
}

/** A write that marks a session as claimed. */
export interface Claim {
  readonly bytes: Uint8Array
  /** Whether the store has said that it was done. Otherwise it may come late. */
  isSure: boolean
}

/** Another session that the next commit takes in. */
export interface MergedSession {
  readonly storeToken: string
  /** What its row held when it was found. */
  bytes: Uint8Array
  state: SessionState
  /** What its row holds, or may hold, while a commit keeps it for itself; the last one is the present commit's. */
  readonly claims: Claim[]
  /** Whether there is nothing left to claim: its values are in ours, or it was gone. */
  settled: boolean
}

/** Where `rememberMe` is kept: among the values, as SCS does, so that data can move between the two. */
export const rememberMeKey = '__rememberMe'

/** Tells apart two writes that would otherwise be the same bytes. See docs/decisions/0011. */
export const writeMarkKey = '__write'

/** Marks a session that another is taking in: from then on nobody finds it, and it can be destroyed all the same. */
export const claimKey = '__claim'

const reservedKeys: readonly string[] = [writeMarkKey, claimKey]
const internalKeys: readonly string[] = [rememberMeKey, ...reservedKeys]
const lastDeadline = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** One session as one request sees it: what was loaded, what has changed, and where it is filed. */
export class SessionData implements SessionState {
  status: Status = 'unmodified'
  /** What the client holds; '' until the first commit or renewal, and in `iterate` with hashed tokens. */
  token = ''
  /** What the next commit files it under; '' until it has a token. */
  storeToken = ''
  /** The row that holds it, as last read or written; a commit replaces this and nothing else. */
  stored: StoredRow | undefined
  /** Writes over {@link stored} of which it is not known whether they were done, or will be: one of them at the most. */
  doubts: readonly Attempt[] = none
  /** Store tokens of all rows that the store may hold for it. */
  rows: readonly string[] = none
  /** Other sessions that the next commit takes in, on a store with atomic methods. */
  merges: readonly MergedSession[] = none
  /** Its deadline when it was made, or destroyed: what a session starts from that no store holds yet. */
  initialDeadline: Date
  /** The store token of a row that cannot be decoded, or that another session takes in: this one stands in for it. */
  standsInFor: string | undefined
  /** Rows that go when a commit is through, where no write moves them. */
  leftovers: readonly string[] = none
  /** Loaded as modified only because its expiry is due to be moved. */
  touchDue = false
  deadline: Date
  values: Map<string, unknown>
  origin: unknown
  /** The store call in progress; the next waits for it. */
  turn: PromiseLike<unknown> | undefined
  /** Hears of each change. */
  observer: Observer | undefined
  /** Calls of the application that the response waits for. */
  calls: PendingCalls | undefined

  /** What was done since the last commit; `undefined` when nothing was. */
  #changes: Change[] | undefined
  #changed = false
  #counts = false
  #headersLeft = false
  #cookieSent = false
  #isSealed = false

  constructor(deadline: Date, values: Map<string, unknown> = new Map(), origin?: unknown) {
    this.initialDeadline = deadline
    this.deadline = deadline
    this.values = values
    this.origin = origin
  }

  /** How many changes no commit has written. */
  get pending(): number {
    return this.#changes?.length ?? 0
  }

  /** Whether it was changed at all. */
  get changed(): boolean {
    return this.#changed
  }

  /** Whether a pending change must not be made twice: the sum of two increments is not one. */
  get counts(): boolean {
    return this.#counts
  }

  /** Whether it has a new token that no commit has filed it under. */
  get renewed(): boolean {
    return this.stored !== undefined && this.stored.storeToken !== this.storeToken
  }

  /** Whether {@link stored} is the claimed row of another session, whose place it takes as a new one. */
  get takesPlace(): boolean {
    return this.merges.some(({ storeToken }) => storeToken === this.stored?.storeToken)
  }

  /** The store token of the row that is this session's own; '' when there is none. */
  get filedUnder(): string {
    if (!this.stored || this.takesPlace || this.status === 'revoked') return ''
    return this.stored.storeToken
  }

  /** Whether it keeps other sessions for itself. */
  get holdsClaims(): boolean {
    return this.merges.some(({ claims, settled }) => claims.length > 0 && !settled)
  }

  /** Whether a write that may be done, or come late, takes `other` in. */
  mayHold(other: MergedSession): boolean {
    return this.doubts.some(({ merges }) => merges.includes(other))
  }

  /** Whether the response's headers have left, or are about to. */
  get headersLeft(): boolean {
    return this.#headersLeft
  }

  /** Whether the client has, or is about to get, a token for what is committed from now on. */
  get reachable(): boolean {
    return !this.#headersLeft || this.#cookieSent || this.storeToken !== ''
  }

  /** The headers leave now, with a cookie for this session or without. */
  leave(withCookie: boolean): void {
    this.#headersLeft = true
    this.#cookieSent ||= withCookie
  }

  /** The response cannot be held for a commit: from now on, every change throws. */
  seal(): void {
    this.#headersLeft = true
    this.#isSealed = true
  }

  /** They did not leave: what was to be sent with them has failed. */
  stay(): void {
    this.#headersLeft = false
    this.#cookieSent = false
  }

  /** Has the next commit file it under another token. */
  identify(token: string, storeToken: string): void {
    this.token = token
    this.storeToken = storeToken
  }

  /** The row under `storeToken` was read or written, and holds `data`. */
  filedAs(storeToken: string, data: Uint8Array, isClaimed = false): void {
    this.stored = { storeToken, data, isClaimed }
    this.rows = including(this.rows, storeToken)
  }

  /** The row that held it is known to be gone, for good. */
  unfiled(): void {
    this.stored = undefined
    this.doubts = none
  }

  /** A commit has written the first `changes` of what was pending. */
  committed(changes: number): void {
    if (changes < this.pending) {
      this.#changes?.splice(0, changes)
      return
    }
    this.#changes = undefined
    this.#counts = false
  }

  /**
   * Starts from what others have written: the pending changes are made to `base`, which is the session's own from then on.
   * All of them or none: when one throws, it is as it was.
   */
  rebase(base: SessionState): void {
    for (const change of this.#changes ?? none) change(base)
    this.deadline = base.deadline
    this.values = base.values
    this.origin = base.origin
  }

  get(key: string): unknown {
    return this.values.get(key)
  }

  put(key: string, value: unknown): void {
    requireKey(key)
    this.apply(({ values }) => values.set(key, value))
  }

  /** Puts what `fn` makes of the value; at a conflict, of the value that others have written. */
  update(key: string, fn: (current: unknown) => unknown): unknown {
    requireKey(key)
    this.apply(({ values }) => values.set(key, fn(values.get(key))))
    this.#counts = true
    return this.get(key)
  }

  /** Takes the value out; a change only when the key was there, and is not one of the session's own. */
  pop(key: string): unknown {
    if (reservedKeys.includes(key)) return undefined
    const value = this.get(key)
    this.remove(key)
    return value
  }

  /** As {@link pop}, of a value that nobody wants to know. */
  remove(key: string): void {
    if (!this.values.has(key) || reservedKeys.includes(key)) return
    this.apply(({ values }) => values.delete(key))
  }

  /** Removes the application's keys; a change only when there was one. */
  clear(): void {
    if (this.keys().length === 0) return
    this.apply(({ values }) => {
      for (const key of applicationKeys(values)) values.delete(key)
    })
  }

  /** The application's keys, sorted by their UTF-8 bytes, as Go sorts strings. */
  keys(): string[] {
    const keys = applicationKeys(this.values)
    return keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  setDeadline(deadline: Date): void {
    if (!(deadline instanceof Date) || !(deadline.getTime() <= lastDeadline)) {
      throw new TypeError('the deadline must be a valid Date in the year 9999 at the latest')
    }
    const copy = new Date(deadline)
    this.apply((state) => {
      state.deadline = copy
    })
  }

  /** Takes in another session: its values win, the later deadline stays. */
  merge(other: Pick<MergedSession, 'state'>): void {
    this.apply((state) => {
      const { deadline, values } = other.state
      if (deadline > state.deadline) state.deadline = deadline
      for (const [key, value] of values) state.values.set(key, value)
    })
  }

  /** Its rows are gone: an empty session without a token is left. */
  reset(deadline: Date): void {
    this.status = 'destroyed'
    this.identify('', '')
    this.unfiled()
    this.rows = none
    this.merges = none
    this.standsInFor = undefined
    this.leftovers = none
    this.touchDue = false
    this.initialDeadline = deadline
    this.deadline = deadline
    this.values.clear()
    this.origin = undefined
    this.committed(this.pending)
    this.#cookieSent = false
  }

  /** Makes a change. Throws when it could never reach the client; nothing is changed then. */
  apply(change: Change): void {
    this.requireReachable()
    change(this)
    this.#changed = true
    // Nothing will ever be written again.
    if (this.status === 'revoked') return
    if (this.#changes) this.#changes.push(change)
    else this.#changes = [change]
    this.status = 'modified'
    this.observer?.changed()
  }

  /**
   * Throws `ERR_SESSION_HEADERS_SENT` for what the client never hears of: a session that a commit would make, and, once
   * the headers have left, a change to one that is revoked.
   */
  requireReachable(): void {
    if (this.#isSealed) {
      throw new SessionError(
        'ERR_SESSION_HEADERS_SENT',
        'the response of this request cannot be held until the session is committed, so the session cannot be changed here; to change it, call load yourself, and commit',
      )
    }
    if (this.status === 'revoked') {
      if (!this.#headersLeft) return
      throw headersSent('the session was revoked, and the client cannot learn of another')
    }
    if (this.reachable) return
    throw new SessionError(
      'ERR_SESSION_HEADERS_SENT',
      'the response headers have left without a session cookie, so the client cannot learn of a new session: change it before the first byte is written',
    )
  }
}

/** The error for a session that is gone. */
export function revoked(): SessionError {
  return new SessionError(
    'ERR_SESSION_REVOKED',
    'the session was destroyed, renewed or expired elsewhere while this request was running',
  )
}

function applicationKeys(values: ReadonlyMap<string, unknown>): string[] {
  return [...values.keys()].filter((key) => !internalKeys.includes(key))
}

function requireKey(key: unknown): void {
  if (typeof key !== 'string') {
    throw new TypeError(`a session key must be a string; it is of type ${typeof key}`)
  }
  if (reservedKeys.includes(key)) {
    throw new TypeError(`the key ${key} is the session manager's own: use another`)
  }
}
