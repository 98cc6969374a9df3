import { type Awaitable, andThen, isThenable } from './awaitable.ts'
import type { Context } from './context.ts'
import { unreadable } from './errors.ts'
import type { CheckedOptions } from './options.ts'
import { retried } from './retry.ts'
import type { SessionState } from './session-data.ts'
import type { StoreAccess } from './store-access.ts'
import { Timeout } from './timeout.ts'

/** A row of the store. */
export interface Row {
  readonly data: Uint8Array
  /** Known only to stores with atomic methods. */
  readonly expiry?: Date | undefined
}

/** What is found under a token. */
export interface Found extends Row {
  readonly state: SessionState
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
  find(ctx: Context, storeToken: string, withExpiry: boolean): Awaitable<Found | Row | undefined> {
    return andThen(this.row(ctx, storeToken, withExpiry), (row) => row && this.understood(ctx, row))
  }

  /** The row under `storeToken`, as it is. Not waited for when the client has gone. */
  row(ctx: Context, storeToken: string, withExpiry: boolean): Awaitable<Row | undefined> {
    const found = this.#read(ctx, storeToken, withExpiry)
    if (!isThenable(found)) return found
    return new Timeout(this.#options.storeTimeout).wait(found, 'find', ctx.signal)
  }

  /** The row under `storeToken`, asked for again when the store fails, while there is time. */
  look(ctx: Context, storeToken: string, timeout: Timeout): Awaitable<Row | undefined> {
    return retried(() => this.#read(ctx, storeToken, false), timeout, 'find')
  }

  /** What `bytes` hold; throws `ERR_SESSION_UNREADABLE`. `undefined` for a session past its deadline. */
  decode(bytes: Uint8Array): SessionState | undefined {
    try {
      const { deadline, values, origin } = this.#options.codec.decode(bytes)
      if (deadline.getTime() <= Date.now()) return undefined
      if (!(values instanceof Map)) throw new TypeError('the codec gave no Map of values')
      return { deadline, values, origin }
    } catch (error) {
      throw unreadable(error)
    }
  }

  /** As {@link decode}; reports what cannot be decoded, and gives `undefined`. */
  decodeOrReport(ctx: Context, bytes: Uint8Array): SessionState | undefined {
    try {
      return this.decode(bytes)
    } catch (error) {
      this.#options.onError(error, ctx)
      return undefined
    }
  }

  /** The session in `row`, or the row alone when it cannot be decoded; `undefined` when the session is past its deadline. */
  understood(ctx: Context, row: Row): Found | Row | undefined {
    let state: SessionState | undefined
    try {
      state = this.decode(row.data)
    } catch (error) {
      if (this.#options.unreadable === 'fail') throw error
      this.#options.onError(error, ctx)
      return { data: row.data }
    }
    return state && { data: row.data, expiry: row.expiry, state }
  }

  #read(ctx: Context, storeToken: string, withExpiry: boolean): Awaitable<Row | undefined> {
    const { atomic } = this.#store
    if (withExpiry && atomic) return atomic.findWithExpiry(ctx, storeToken)
    return andThen(this.#store.find(ctx, storeToken), (data) => data && { data })
  }
}
