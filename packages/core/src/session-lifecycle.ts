import { type Awaitable, andThen, isThenable, orElse } from './awaitable.ts'
import type { Context } from './context.ts'
import { SessionError } from './errors.ts'
import type { CheckedOptions } from './options.ts'
import { SessionData } from './session-data.ts'
import { StoreAccess } from './store-access.ts'
import { TimeLimit } from './time-limit.ts'
import { generateToken, hashToken, isWellFormedToken } from './token.ts'

/** What a commit tells: the token for the cookie, and when the store may forget the session. */
export interface Committed {
  /** The session token; '' in `iterate` with hashed tokens. */
  token: string
  /** `min(deadline, now + idleTimeout)`. */
  expiry: Date
}

interface Row {
  readonly data: Uint8Array
  readonly expiry?: Date
}

interface Decoded {
  readonly deadline: Date
  readonly values: Map<string, unknown>
}

/**
 * What happens to sessions between memory and the store: found, committed, destroyed, renewed, merged. Gives its
 * answers at once where the store does. The store calls of one session are made one after another.
 */
export class SessionLifecycle {
  readonly #options: CheckedOptions
  readonly #store: StoreAccess

  constructor(options: CheckedOptions) {
    this.#options = options
    this.#store = new StoreAccess(options.store)
  }

  /** The live session of `token`, or a new one: a token that the store does not know is never adopted. */
  open(ctx: Context, token: string | undefined): Awaitable<SessionData> {
    if (!isWellFormedToken(token)) return this.#fresh()
    const storeToken = this.#storeToken(token)
    return andThen(this.#find(ctx, storeToken), (row) => {
      if (!row) return this.#fresh()
      const decoded = this.#decode(ctx, row.data)
      if (decoded === 'unreadable') {
        const fresh = this.#fresh()
        fresh.unreadable = storeToken
        return fresh
      }
      return decoded ? this.#loaded(token, storeToken, decoded, row.expiry) : this.#fresh()
    })
  }

  /** Writes the session; `undefined` when it is revoked, or a touch finds it so. */
  commit(ctx: Context, data: SessionData): Awaitable<Committed | undefined> {
    return inTurn(data, () => {
      if (data.status === 'revoked') return undefined
      const { atomic } = this.#store
      if (data.touchDue && data.changes === 0 && atomic) return this.#touch(ctx, data, atomic)
      return this.#write(ctx, data)
    })
  }

  /** Deletes every row that the session is, or was, filed under, and empties it. */
  destroy(ctx: Context, data: SessionData): Awaitable<void> {
    return inTurn(data, () => {
      const rows = [...data.superseded]
      if (data.filed) rows.push(data.storeToken)
      if (data.unreadable !== undefined) rows.push(data.unreadable)
      const limit = new TimeLimit(this.#options.storeTimeout)
      return andThen(limit.apply(this.#deleteAll(ctx, rows), 'delete'), () =>
        data.reset(this.#newDeadline()),
      )
    })
  }

  /** Gives the session a new token, under which the next commit files it. */
  renew(data: SessionData): Awaitable<void> {
    return inTurn(data, () => {
      requireLive(data)
      data.change()
      if (data.filed) data.superseded.push(data.storeToken)
      if (data.unreadable !== undefined) data.superseded.push(data.unreadable)
      data.unreadable = undefined
      this.#identify(data)
      data.deadline = this.#newDeadline()
    })
  }

  /** Takes another session in; its row goes at once, before the commit, as in SCS. */
  merge(ctx: Context, data: SessionData, token: string | undefined): Awaitable<void> {
    return inTurn(data, () => {
      requireLive(data)
      if (!isWellFormedToken(token)) return
      const storeToken = this.#storeToken(token)
      return andThen(this.#find(ctx, storeToken), (row) => {
        const other = row && this.#decode(ctx, row.data)
        if (!other || other === 'unreadable' || data.has(storeToken)) return
        data.merge(other.deadline, other.values)
        const limit = new TimeLimit(this.#options.storeTimeout)
        return limit.apply(this.#deleteAll(ctx, [storeToken]), 'delete')
      })
    })
  }

  /** Every live session of the store. Rows that cannot be decoded are reported and passed over. */
  async *all(ctx: Context): AsyncGenerator<SessionData, void> {
    const { sessions } = this.#store
    if (!sessions) {
      throw new SessionError(
        'ERR_SESSION_NOT_ITERABLE',
        'the store does not support iteration: it has none of scan, allCtx and all',
      )
    }
    const limit = new TimeLimit(this.#options.storeTimeout)
    for await (const [storeToken, bytes] of await limit.apply(sessions(ctx), 'all')) {
      const decoded = this.#decodeOrReport(ctx, bytes)
      if (decoded && decoded !== 'unreadable') {
        const token = this.#options.hashTokenInStore ? '' : storeToken
        yield filed(token, storeToken, decoded)
      }
    }
  }

  #fresh(): SessionData {
    return new SessionData(this.#newDeadline())
  }

  #loaded(token: string, storeToken: string, decoded: Decoded, expiry?: Date): SessionData {
    const data = filed(token, storeToken, decoded)
    if (this.#touchIsDue(decoded.deadline, expiry)) {
      data.touchDue = true
      data.status = 'modified'
    }
    return data
  }

  #find(ctx: Context, storeToken: string): Awaitable<Row | undefined> {
    const { atomic } = this.#store
    const found: Awaitable<Row | undefined> =
      this.#options.idleTimeout && atomic
        ? atomic.findWithExpiry(ctx, storeToken)
        : andThen(this.#store.find(ctx, storeToken), (data) => data && { data })
    if (!isThenable(found)) return found
    const limit = new TimeLimit(this.#options.storeTimeout)
    return unlessAborted(limit.apply(found, 'find'), ctx.signal)
  }

  // A session past its deadline is not found, whatever the store makes of its expiry.
  #decode(ctx: Context, bytes: Uint8Array): Decoded | 'unreadable' | undefined {
    if (this.#options.unreadable === 'fresh') return this.#decodeOrReport(ctx, bytes)
    try {
      return alive(this.#options.codec.decode(bytes))
    } catch (error) {
      throw unreadable(error)
    }
  }

  #decodeOrReport(ctx: Context, bytes: Uint8Array): Decoded | 'unreadable' | undefined {
    try {
      return alive(this.#options.codec.decode(bytes))
    } catch (error) {
      this.#options.onError(unreadable(error), ctx)
      return 'unreadable'
    }
  }

  #touchIsDue(deadline: Date, expiry: Date | undefined): boolean {
    const { idleTimeout, touchInterval } = this.#options
    if (!idleTimeout) return false
    if (!expiry || touchInterval === 0) return true
    return this.#expiryOf(deadline).getTime() - expiry.getTime() >= touchInterval
  }

  #touch(
    ctx: Context,
    data: SessionData,
    atomic: NonNullable<StoreAccess['atomic']>,
  ): Awaitable<Committed | undefined> {
    const expiry = this.#expiryOf(data.deadline)
    const limit = new TimeLimit(this.#options.storeTimeout)
    const touched = limit.apply(atomic.touch(ctx, data.storeToken, expiry), 'touch')
    return andThen(touched, (live) => {
      if (live) return { token: data.token, expiry }
      data.status = 'revoked'
      this.#options.onError(revoked(), ctx)
      return undefined
    })
  }

  #write(ctx: Context, data: SessionData): Awaitable<Committed> {
    if (data.storeToken === '') this.#identify(data)
    const { token, storeToken, changes } = data
    const bytes = this.#options.codec.encode(data.deadline, data.values)
    const expiry = this.#expiryOf(data.deadline)
    const limit = new TimeLimit(this.#options.storeTimeout)
    // Also when the commit fails: the store may have done it all the same.
    data.filed = true
    const written = this.#store.commit(ctx, storeToken, bytes, expiry)
    const done =
      data.superseded.length === 0
        ? written
        : andThen(written, () => this.#dropSuperseded(ctx, data, storeToken, limit))
    return andThen(limit.apply(done, 'commit'), () => {
      data.committed(changes)
      return { token, expiry }
    })
  }

  // The old rows go when the new one is in. If they cannot, the new one does: the client keeps the old token.
  #dropSuperseded(
    ctx: Context,
    data: SessionData,
    storeToken: string,
    limit: TimeLimit,
  ): Awaitable<void> {
    const dropped = () => {
      if (limit.over) throw limit.error('commit')
      return andThen(this.#deleteAll(ctx, data.superseded), () => {
        data.superseded.length = 0
      })
    }
    return orElse(dropped, (error) =>
      andThen(
        orElse<unknown>(
          () => this.#store.delete(ctx, storeToken),
          (second) => this.#options.onError(second, ctx),
        ),
        () => {
          throw error
        },
      ),
    )
  }

  #deleteAll(ctx: Context, storeTokens: readonly string[], from = 0): Awaitable<void> {
    const storeToken = storeTokens[from]
    if (storeToken === undefined) return
    return andThen(this.#store.delete(ctx, storeToken), () =>
      this.#deleteAll(ctx, storeTokens, from + 1),
    )
  }

  #identify(data: SessionData): void {
    const token = generateToken()
    data.identify(token, this.#storeToken(token))
  }

  #storeToken(token: string): string {
    return this.#options.hashTokenInStore ? hashToken(token) : token
  }

  #newDeadline(): Date {
    return new Date(Date.now() + this.#options.lifetime)
  }

  #expiryOf(deadline: Date): Date {
    const { idleTimeout } = this.#options
    if (!idleTimeout) return new Date(deadline)
    return new Date(Math.min(deadline.getTime(), Date.now() + idleTimeout))
  }
}

function filed(token: string, storeToken: string, { deadline, values }: Decoded): SessionData {
  const data = new SessionData(deadline, values)
  data.identify(token, storeToken)
  data.filed = true
  return data
}

function alive(decoded: Decoded): Decoded | undefined {
  return decoded.deadline.getTime() > Date.now() ? decoded : undefined
}

// Runs `call` when the session's store calls before it are done. Both answer at once where nothing is in progress.
function inTurn<T>(data: SessionData, call: () => Awaitable<T>): Awaitable<T> {
  const result = data.turn ? data.turn.then(call) : call()
  if (!isThenable(result)) return result
  const turn: PromiseLike<unknown> = result
    .then(undefined, () => {})
    .then(() => {
      if (data.turn === turn) data.turn = undefined
    })
  data.turn = turn
  return result
}

// Ends the wait for a store when the client has gone; for reading alone.
function unlessAborted<T>(pending: Awaitable<T>, signal: AbortSignal | undefined): Awaitable<T> {
  if (!signal) return pending
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    const settled = <V>(settle: (value: V) => void) => {
      return (value: V): void => {
        signal.removeEventListener('abort', abort)
        settle(value)
      }
    }
    Promise.resolve(pending).then(settled(resolve), settled(reject))
  })
}

function requireLive(data: SessionData): void {
  if (data.status === 'revoked') throw revoked()
}

function revoked(): SessionError {
  return new SessionError(
    'ERR_SESSION_REVOKED',
    'the session was destroyed, renewed or expired elsewhere while this request was running',
  )
}

function unreadable(cause: unknown): SessionError {
  return new SessionError(
    'ERR_SESSION_UNREADABLE',
    'the data of a session could not be decoded: was it written by another codec?',
    { cause },
  )
}
