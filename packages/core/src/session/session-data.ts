import { headersSent, SessionError } from '../errors.ts'
import type { PendingCalls } from './session-calls.ts'

/** What a request has done to its session. `'revoked'`: a commit found its row gone. */
export type Status = 'unmodified' | 'modified' | 'destroyed' | 'revoked'

/** What a session holds: all that is encoded. */
export interface SessionState {
  deadline: Date
  readonly values: Map<string, unknown>
  /** The codec's own notes on the row that was read. */
  readonly origin?: unknown
}

/** A mutation of a session. It is re-applied to the stored state after a conflict. */
export type Change = (state: SessionState) => void

/** Receives each change of a session. */
export interface Observer {
  changed(): void
}

/** What a commit tells: the token for the cookie, and when the store may forget the session. */
export interface Committed {
  /** The session token; '' in `iterate` with hashed tokens. */
  token: string
  /** What to find the row by: the token, or its SHA-256 with `hashTokenInStore`. */
  storeToken: string
  /** `min(deadline, now + idleTimeout)`. */
  expiry: Date
}

/** A row as it was last read or written. */
export interface Row {
  readonly storeToken: string
  readonly data: Uint8Array
  /** Read only where it is needed, and known only to stores with atomic methods. */
  readonly expiry?: Date | undefined
}

/** Another row that the next commit takes out in the same step. */
export interface AbsorbedRow extends Row {
  /** What is merged into the session. `undefined` for a row that cannot be decoded. */
  readonly state: SessionState | undefined
}

/** Where `rememberMe` is kept: among the values, as in SCS. */
export const rememberMeKey = '__rememberMe'

/** Tells apart two writes that would otherwise be the same bytes. See docs/decisions/0011. */
export const writeMarkKey = '__write'

const reservedKeys: readonly string[] = [writeMarkKey]
const internalKeys: readonly string[] = [rememberMeKey, ...reservedKeys]
const lastDeadline = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
// Shared: most sessions have none.
const none: readonly never[] = []

/** One session as one request sees it: what was loaded, what has changed, and where it is filed. */
export class SessionData implements SessionState {
  status: Status = 'unmodified'
  /**
   * What the client holds; '' until the first commit or renewal, and in `iterate` with hashed
   * tokens.
   */
  token = ''
  /** What the next commit files it under; '' until it has a token. */
  storeToken = ''
  /** The row that holds it; a commit replaces this and nothing else. */
  stored: Row | undefined
  /** Whether it is not known what an earlier commit has written: nothing more is committed. */
  inDoubt = false
  /** Store tokens of all rows that the store may hold for it. */
  rows: readonly string[] = none
  /** Rows that the next commit takes out, on a store with atomic methods. */
  absorbs: readonly AbsorbedRow[] = none
  /** The row under the client's token that cannot be decoded: `renewToken` replaces it. */
  unreadable: Row | undefined
  /** Store tokens of the request's other cookies of this name: `destroy` deletes their rows too. */
  others: readonly string[] = none
  /** Loaded as modified only because its expiry is due to be moved. */
  touchDue = false
  /** The deadline of a session that no store holds yet. */
  initialDeadline: Date
  deadline: Date
  values: Map<string, unknown>
  origin: unknown
  /** The store call in progress; the next waits for it. */
  turn: PromiseLike<unknown> | undefined
  observer: Observer | undefined
  /** Calls of the application that the response waits for. */
  calls: PendingCalls | undefined

  /**
   * Whether the response's headers have been sent, or are about to be, with a session cookie or
   * without. `'sealed'`: they cannot be held for a commit, so every change throws.
   */
  headers: 'open' | 'sent' | 'sent with cookie' | 'sealed' = 'open'
  /** Whether a pending change must not be made twice: the sum of two increments is not one. */
  counts = false
  /** What was done since the last commit. */
  #changes: Change[] | undefined

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

  /** Whether it has a new token that no commit has filed it under. */
  get renewed(): boolean {
    return this.stored !== undefined && this.stored.storeToken !== this.storeToken
  }

  /** Whether the response's headers have left, or are about to. */
  get headersLeft(): boolean {
    return this.headers !== 'open'
  }

  /** Has the next commit file it under another token. */
  identify(token: string, storeToken: string): void {
    this.token = token
    this.storeToken = storeToken
  }

  /** `row` was read or written: it holds the session. */
  filedAs(row: Row): void {
    this.stored = row
    this.addRow(row.storeToken)
  }

  /** The store may hold a row under `storeToken` for it. */
  addRow(storeToken: string): void {
    if (!this.rows.includes(storeToken)) this.rows = this.rows.concat(storeToken)
  }

  /** A commit has written the first `changes` of what was pending. */
  committed(changes: number): void {
    if (changes < this.pending) {
      this.#changes?.splice(0, changes)
      return
    }
    this.#changes = undefined
    this.counts = false
  }

  /**
   * Makes the pending changes to `base`, and takes that over. When one throws, nothing has changed.
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

  /** Puts what `fn` makes of the value; after a conflict, of the stored value. */
  update(key: string, fn: (current: unknown) => unknown): unknown {
    requireKey(key)
    this.apply(({ values }) => values.set(key, fn(values.get(key))))
    this.counts = true
    return this.get(key)
  }

  /** Takes the value out; a change only when the key was there, and is not reserved. */
  pop(key: string): unknown {
    if (reservedKeys.includes(key)) return undefined
    const value = this.get(key)
    this.remove(key)
    return value
  }

  /** As {@link pop}, without the value. */
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

  /**
   * Merges the session of a row that the next commit takes out: its values win, the later deadline
   * stays. After a conflict, what the row holds then is merged.
   */
  absorb(row: AbsorbedRow): void {
    this.requireReachable()
    this.absorbs = this.absorbs.concat(row)
    this.apply((state) => {
      const other = this.absorbs.find(({ storeToken }) => storeToken === row.storeToken)?.state
      if (!other) return
      if (other.deadline > state.deadline) state.deadline = other.deadline
      for (const [key, value] of other.values) state.values.set(key, value)
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
    if (this.headers === 'sent with cookie') this.headers = 'sent'
  }

  /** Makes a change. Throws when it could never reach the client; nothing is changed then. */
  apply(change: Change): void {
    this.requireReachable()
    change(this)
    // Nothing will ever be written again.
    if (this.status === 'revoked') return
    this.touchDue = false
    if (this.#changes) this.#changes.push(change)
    else this.#changes = [change]
    this.status = 'modified'
    this.observer?.changed()
  }

  /**
   * Throws `ERR_SESSION_HEADERS_SENT` for what the client can never be told: a session that a
   * commit would create, and, once the headers have left, a change to one that is revoked.
   */
  requireReachable(): void {
    if (this.headers === 'open') return
    if (this.headers === 'sealed') {
      throw new SessionError(
        'ERR_SESSION_HEADERS_SENT',
        'the response of this request cannot be held until the session is committed, so the session cannot be changed here; to change it, call load yourself, and commit',
      )
    }
    if (this.status === 'revoked') {
      throw headersSent('the session was revoked, and the client cannot learn of another')
    }
    if (this.headers === 'sent with cookie' || this.storeToken !== '') return
    throw new SessionError(
      'ERR_SESSION_HEADERS_SENT',
      'the response headers have left without a session cookie, so the client cannot learn of a new session: change it before the first byte is written',
    )
  }
}

function applicationKeys(values: ReadonlyMap<string, unknown>): string[] {
  return [...values.keys()].filter((key) => !internalKeys.includes(key))
}

function requireKey(key: unknown): void {
  if (typeof key !== 'string') {
    throw new TypeError(`a session key must be a string; it is of type ${typeof key}`)
  }
  if (reservedKeys.includes(key)) {
    throw new TypeError(`the key ${key} is reserved for the session manager: use another`)
  }
}
