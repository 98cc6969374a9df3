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

/** What a commit tells: the token for the cookie, and when the store may forget the session. */
export interface Committed {
  /** The session token; '' in `iterate` with hashed tokens. */
  token: string
  /** What the store files the session under: the token, or its SHA-256 with `hashTokenInStore`. To find the row by. */
  storeToken: string
  /** `min(deadline, now + idleTimeout)`. */
  expiry: Date
}

/** A row as it was last read or written. */
export interface StoredRow {
  readonly storeToken: string
  readonly data: Uint8Array
}

/** Another row that the next commit takes out in the same step: of a merged session, or one that cannot be decoded. */
export interface AbsorbedRow extends StoredRow {
  /** What it holds: merged into the session. `undefined` when it cannot be decoded. */
  readonly state: SessionState | undefined
}

/** Where `rememberMe` is kept: among the values, as SCS does, so that data can move between the two. */
export const rememberMeKey = '__rememberMe'

/** Tells apart two writes that would otherwise be the same bytes. See docs/decisions/0011. */
export const writeMarkKey = '__write'

const reservedKeys: readonly string[] = [writeMarkKey]
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
  /** Whether a commit has failed of which it is not known whether it was done: nothing more is committed. */
  inDoubt = false
  /** Whether {@link giveUp} was called: the manager commits nothing more by itself. */
  isGivenUp = false
  /** Store tokens of all rows that the store may hold for it. */
  rows: readonly string[] = none
  /** Rows that the next commit takes out, on a store with atomic methods. */
  absorbs: readonly AbsorbedRow[] = none
  /** The deadline of a session that no store holds yet. */
  initialDeadline: Date
  /** The row under the client's token that cannot be decoded. */
  unreadable: StoredRow | undefined
  /** Store tokens of the other cookies of its name: `destroy` deletes their rows too. */
  others: readonly string[] = none
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

  /** The store token of the row that is this session's own; '' when there is none. */
  get filedUnder(): string {
    return this.status === 'revoked' ? '' : (this.stored?.storeToken ?? '')
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

  /** The commit for the response's headers has failed with `error`. */
  giveUp(error: unknown): never {
    this.isGivenUp = true
    throw error
  }

  /** They did not leave: what was to be sent with them has failed. */
  stay(): void {
    this.#headersLeft = false
    this.#cookieSent = false
    this.isGivenUp = false
  }

  /** Has the next commit file it under another token. */
  identify(token: string, storeToken: string): void {
    this.token = token
    this.storeToken = storeToken
  }

  /** The row under `storeToken` was read or written, and holds `data`. */
  filedAs(storeToken: string, data: Uint8Array): void {
    this.stored = { storeToken, data }
    this.rows = including(this.rows, storeToken)
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

  /** Merges another session: its values win, the later deadline stays. */
  merge(other: SessionState): void {
    this.apply((state) => mergeInto(state, other))
  }

  /** Merges the session of a row that the next commit takes out; at a conflict, what the row holds then. */
  absorb(row: AbsorbedRow): void {
    this.requireReachable()
    this.absorbs = [...this.absorbs, row]
    this.apply((state) => {
      const now = this.absorbs.find(({ storeToken }) => storeToken === row.storeToken)
      if (now?.state) mergeInto(state, now.state)
    })
  }

  /** Its rows are gone: an empty session without a token is left. */
  reset(deadline: Date): void {
    this.status = 'destroyed'
    this.identify('', '')
    this.stored = undefined
    this.inDoubt = false
    this.rows = none
    this.absorbs = none
    this.unreadable = undefined
    this.others = none
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

function mergeInto(state: SessionState, { deadline, values }: SessionState): void {
  if (deadline > state.deadline) state.deadline = deadline
  for (const [key, value] of values) state.values.set(key, value)
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
