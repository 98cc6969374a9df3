import { SessionError } from './errors.ts'

/** What a request has done to its session. `'revoked'`: gone from the store while the request was running. */
export type Status = 'unmodified' | 'modified' | 'destroyed' | 'revoked'

/** Where `rememberMe` is kept: among the values, as SCS does, so that data can move between the two. */
export const rememberMeKey = '__rememberMe'

const lastDeadline = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** One session as one request sees it: what was loaded, what has changed, and where it is filed. */
export class SessionData {
  status: Status = 'unmodified'
  /** What the client holds; '' until the first commit or renewal, and in `iterate` with hashed tokens. */
  token = ''
  /** What the store files it under; '' until it has a token. */
  storeToken = ''
  /** Whether the store may hold a row under `storeToken`. */
  filed = false
  /** Store tokens of rows that go once the session is in under another. */
  readonly superseded: string[] = []
  /** The store token of a row that could not be decoded, which this session stands in for. */
  unreadable: string | undefined
  /** Loaded as modified only because its expiry is due to be moved. */
  touchDue = false
  deadline: Date
  readonly values: Map<string, unknown>
  /** The store call in progress; the next waits for it. */
  turn: PromiseLike<unknown> | undefined
  /** Called at each change after the headers have left. */
  onLateChange: (() => void) | undefined

  #changes = 0
  #committed = 0
  #headersLeft = false
  #cookieSent = false

  constructor(deadline: Date, values: Map<string, unknown> = new Map()) {
    this.deadline = deadline
    this.values = values
  }

  /** How often it has been changed: what a commit has written is named by this. */
  get changes(): number {
    return this.#changes
  }

  /** Whether something was changed that no commit has written. */
  get dirty(): boolean {
    return this.#changes !== this.#committed
  }

  /** Whether the response's headers have left, or are about to. */
  get headersLeft(): boolean {
    return this.#headersLeft
  }

  /** Whether the client has, or is about to get, a token for what is committed from now on. */
  get reachable(): boolean {
    return !this.#headersLeft || this.#cookieSent || this.storeToken !== ''
  }

  /** The commit of all changes up to `changes` is done. */
  committed(changes: number): void {
    this.#committed = changes
  }

  /** The headers leave now, with a cookie for this session or without. */
  leave(withCookie: boolean): void {
    this.#headersLeft = true
    this.#cookieSent ||= withCookie
  }

  /** Whether it is, or was before a renewal, filed under `storeToken`. */
  has(storeToken: string): boolean {
    return this.storeToken === storeToken || this.superseded.includes(storeToken)
  }

  /** Files the session under another token. */
  identify(token: string, storeToken: string): void {
    this.token = token
    this.storeToken = storeToken
    this.filed = false
  }

  put(key: string, value: unknown): void {
    if (typeof key !== 'string') {
      throw new TypeError(`a session key must be a string; it is of type ${typeof key}`)
    }
    this.change()
    this.values.set(key, value)
  }

  /** Takes the value out; a change only when the key was there. */
  pop(key: string): unknown {
    if (!this.values.has(key)) return undefined
    this.change()
    const value = this.values.get(key)
    this.values.delete(key)
    return value
  }

  /** Removes everything but what `rememberMe` keeps; a change only when there was something. */
  clear(): void {
    const keys = this.keys()
    if (keys.length === 0) return
    this.change()
    for (const key of keys) this.values.delete(key)
  }

  /** The application's keys, sorted by their UTF-8 bytes, as Go sorts strings. */
  keys(): string[] {
    const keys = [...this.values.keys()].filter((key) => key !== rememberMeKey)
    return keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  setDeadline(deadline: Date): void {
    if (!(deadline instanceof Date) || !(deadline.getTime() <= lastDeadline)) {
      throw new TypeError('the deadline must be a valid Date in the year 9999 at the latest')
    }
    this.change()
    this.deadline = new Date(deadline)
  }

  /** Takes in another session: its values win, the later deadline stays. */
  merge(deadline: Date, values: ReadonlyMap<string, unknown>): void {
    this.change()
    if (deadline > this.deadline) this.deadline = deadline
    for (const [key, value] of values) this.values.set(key, value)
  }

  /** Its rows are gone: an empty session without a token is left. */
  reset(deadline: Date): void {
    this.status = 'destroyed'
    this.identify('', '')
    this.superseded.length = 0
    this.unreadable = undefined
    this.touchDue = false
    this.deadline = deadline
    this.values.clear()
    this.#committed = this.#changes
    this.#cookieSent = false
  }

  /** Marks a change. Throws when it could never reach the client; nothing is changed then. */
  change(): void {
    this.requireReachable()
    this.#changes++
    if (this.status === 'revoked') return
    this.status = 'modified'
    if (this.#headersLeft) this.onLateChange?.()
  }

  /** Throws `ERR_SESSION_HEADERS_SENT` when a commit would make a session that the client never hears of. */
  requireReachable(): void {
    if (this.reachable || this.status === 'revoked') return
    throw new SessionError(
      'ERR_SESSION_HEADERS_SENT',
      'the response headers have left without a session cookie, so the client cannot learn of a new session: change it before the first byte is written',
    )
  }
}
