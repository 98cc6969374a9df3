import { type Awaitable, andThen, isThenable } from './awaitable.ts'
import { isSame } from './bytes.ts'
import type { Context } from './context.ts'
import { unreadable } from './errors.ts'
import type { CheckedOptions } from './options.ts'
import { repeated } from './repeated.ts'
import { claimKey, type SessionState } from './session-data.ts'
import type { StoreAccess } from './store-access.ts'
import { TimeLimit } from './time-limit.ts'

/** A row of the store. */
export interface Row {
  readonly data: Uint8Array
  /** Known only to stores with atomic methods. */
  readonly expiry?: Date | undefined
}

/** What the bytes of a row hold. */
export interface Decoded extends SessionState {
  /** Whether another session is taking it in: only who claimed it may write it, and anybody may delete it. */
  readonly isClaimed: boolean
}

/** What is found under a token. */
export interface Found extends Row {
  readonly state: Decoded
}

/** Finds and decodes sessions. */
export class SessionReader {
  readonly #options: CheckedOptions
  readonly #store: StoreAccess

  constructor(options: CheckedOptions, store: StoreAccess) {
    this.#options = options
    this.#store = store
  }

  /** The live session under `storeToken`; a session past its deadline is none, whatever the store makes of its expiry. */
  find(
    ctx: Context,
    storeToken: string,
    withExpiry: boolean,
  ): Awaitable<Found | 'unreadable' | undefined> {
    return andThen(this.row(ctx, storeToken, withExpiry), (row) => row && this.understood(ctx, row))
  }

  /** The row under `storeToken`, as it is. Not waited for when the client has gone. */
  row(ctx: Context, storeToken: string, withExpiry: boolean): Awaitable<Row | undefined> {
    const { atomic } = this.#store
    const found: Awaitable<Row | undefined> =
      withExpiry && atomic
        ? atomic.findWithExpiry(ctx, storeToken)
        : andThen(this.#store.find(ctx, storeToken), (data) => data && { data })
    if (!isThenable(found)) return found
    const limit = new TimeLimit(this.#options.storeTimeout)
    return limit.apply(found, 'find', ctx.signal)
  }

  /** Whether the row under `storeToken` holds just these bytes. */
  holds(ctx: Context, storeToken: string, bytes: Uint8Array): Awaitable<boolean> {
    return andThen(this.row(ctx, storeToken, false), (row) => {
      return row !== undefined && isSame(row.data, bytes)
    })
  }

  /** The row under `storeToken`, asked for again when the store fails, while there is time. */
  look(ctx: Context, storeToken: string, limit: TimeLimit): Awaitable<Row | undefined> {
    return repeated(
      () => this.row(ctx, storeToken, false),
      () => limit.over,
    )
  }

  /** What `bytes` hold; throws `ERR_SESSION_UNREADABLE`. `undefined` for a session past its deadline. */
  decode(bytes: Uint8Array): Decoded | undefined {
    try {
      const { deadline, values, origin } = this.#options.codec.decode(bytes)
      if (deadline.getTime() <= Date.now()) return undefined
      return { deadline, values, origin, isClaimed: values.delete(claimKey) }
    } catch (error) {
      throw unreadable(error)
    }
  }

  /** As {@link decode}; reports what it cannot read instead of throwing. */
  decodeOrReport(ctx: Context, bytes: Uint8Array): Decoded | 'unreadable' | undefined {
    try {
      return this.decode(bytes)
    } catch (error) {
      this.#options.onError(error, ctx)
      return 'unreadable'
    }
  }

  /** The session in `row`, as {@link find} gives it. */
  understood(ctx: Context, row: Row): Found | 'unreadable' | undefined {
    try {
      const state = this.decode(row.data)
      return state && { data: row.data, expiry: row.expiry, state }
    } catch (error) {
      if (this.#options.unreadable === 'fail') throw error
      this.#options.onError(error, ctx)
      return 'unreadable'
    }
  }
}
