import type { Codec } from '../codec/codec.ts'
import type { Context } from '../context.ts'
import { revoked, unreadable } from '../errors.ts'
import { ResolvedStore } from '../store/resolve-store.ts'
import type { SessionStore } from '../store/store.ts'
import { type Awaitable, andThen, isThenable } from '../util/promises.ts'
import { retried } from '../util/retry.ts'
import { Timeout } from '../util/timeout.ts'
import { type Row, type SessionData, type SessionState, writeMarkKey } from './session-data.ts'
import { generateToken, hashToken } from './token.ts'

/** What is configured about sessions, apart from HTTP. */
export interface SessionSettings {
  readonly lifetime: number
  readonly idleTimeout: number | undefined
  readonly touchInterval: number
  readonly store: SessionStore
  readonly codec: Codec
  readonly maxSize: number
  readonly hashTokenInStore: boolean
  readonly unreadable: 'fresh' | 'fail'
  readonly storeTimeout: number
  readonly onError: (error: unknown, ctx: Context) => void
}

// Of a key in an error message.
const longestKey = 100

/** Sessions as rows of the store: under which token, with which bytes, until when. */
export class SessionRows {
  readonly settings: SessionSettings
  readonly store: ResolvedStore

  constructor(settings: SessionSettings) {
    this.settings = settings
    this.store = new ResolvedStore(settings.store)
  }

  /** What the store files the session with `token` under. */
  storeToken(token: string): string {
    return this.settings.hashTokenInStore ? hashToken(token) : token
  }

  /** Gives the session a new token. */
  identify(session: SessionData): void {
    const token = generateToken()
    session.identify(token, this.storeToken(token))
  }

  /** The deadline of a session that begins now. */
  newDeadline(): Date {
    return new Date(Date.now() + this.settings.lifetime)
  }

  /** When the store may forget a session with this deadline that is used now. */
  expiryOf(deadline: Date): Date {
    const { idleTimeout } = this.settings
    if (!idleTimeout) return new Date(deadline)
    return new Date(Math.min(deadline.getTime(), Date.now() + idleTimeout))
  }

  /** The row under `storeToken`. Rejects when the client disconnects, and at the time-out. */
  find(ctx: Context, storeToken: string, withExpiry = false): Awaitable<Row | undefined> {
    const row = this.#read(ctx, storeToken, withExpiry)
    if (!isThenable(row)) return row
    return new Timeout(this.settings.storeTimeout).wait(row, 'find', ctx.signal)
  }

  /** The row under `storeToken`, read again when the store fails, while there is time. */
  reread(ctx: Context, storeToken: string, timeout: Timeout): Awaitable<Row | undefined> {
    return retried(() => this.#read(ctx, storeToken, false), timeout, 'find')
  }

  #read(ctx: Context, storeToken: string, withExpiry: boolean): Awaitable<Row | undefined> {
    const { atomic } = this.store
    return withExpiry && atomic
      ? andThen(atomic.findWithExpiry(ctx, storeToken), (row) => row && { storeToken, ...row })
      : andThen(this.store.find(ctx, storeToken), (data) => data && { storeToken, data })
  }

  /**
   * What `bytes` hold; throws `ERR_SESSION_UNREADABLE`. `undefined` for a session past its
   * deadline.
   */
  decode(bytes: Uint8Array): SessionState | undefined {
    try {
      const { deadline, values, origin } = this.settings.codec.decode(bytes)
      if (deadline.getTime() <= Date.now()) return undefined
      if (!(values instanceof Map)) throw new TypeError('the codec gave no Map of values')
      return { deadline, values, origin }
    } catch (error) {
      throw unreadable(error)
    }
  }

  /**
   * As {@link decode}; unless it `fails`, bytes that cannot be decoded are reported, and
   * `undefined`.
   */
  decodeOrReport(
    ctx: Context,
    bytes: Uint8Array,
    fails: boolean = this.settings.unreadable === 'fail',
  ): SessionState | undefined {
    try {
      return this.decode(bytes)
    } catch (error) {
      if (fails) throw error
      this.settings.onError(error, ctx)
      return undefined
    }
  }

  /**
   * The bytes of a session that is to be written. Throws a TypeError that names the key when a
   * value cannot be encoded, and one that names the largest when it takes more than `maxSize`.
   */
  encode(state: SessionState): Uint8Array {
    const { codec, maxSize } = this.settings
    const bytes = codec.encode(state.deadline, state.values, state.origin)
    if (maxSize > 0 && bytes.length > maxSize) this.#checkSize(state)
    return bytes
  }

  #checkSize({ deadline, values, origin }: SessionState): void {
    const { codec, maxSize } = this.settings
    const sizeOf = (part: Iterable<[string, unknown]>) =>
      codec.encode(deadline, new Map(part), origin).length
    const size = sizeOf([...values].filter(([key]) => key !== writeMarkKey))
    if (size <= maxSize) return
    let where = 'keep a part of it'
    let most = 0
    for (const [key, value] of values) {
      try {
        const size = sizeOf([[key, value]])
        if (size <= most) continue
        most = size
        const name = key.length > longestKey ? `${key.slice(0, longestKey)}…` : key
        where = `its largest key is ${JSON.stringify(name)}: keep that value`
      } catch {
        // A custom codec may refuse a part of a session.
      }
    }
    throw new TypeError(
      `the session takes ${size} bytes, and the option maxSize allows ${maxSize}; ${where} elsewhere, and in the session what finds it`,
    )
  }

  /** The row of the session is gone. Throws when the client would be given a new token for it. */
  revoke(ctx: Context, session: SessionData): undefined {
    session.status = 'revoked'
    if (session.renewed) throw revoked()
    this.settings.onError(revoked(), ctx)
    return undefined
  }
}
