import { type Awaitable, andThen, orElse } from './awaitable.ts'
import { CommitQueue } from './commit-queue.ts'
import { type Context, withoutSignal } from './context.ts'
import type { CheckedOptions } from './options.ts'
import { revoked, type SessionData } from './session-data.ts'
import { SessionMerge } from './session-merge.ts'
import type { SessionReader } from './session-reader.ts'
import { SessionSwap } from './session-swap.ts'
import type { AtomicStore } from './store.ts'
import type { StoreAccess } from './store-access.ts'
import { TimeLimit } from './time-limit.ts'

/** What a commit tells: the token for the cookie, and when the store may forget the session. */
export interface Committed {
  /** The session token; '' in `iterate` with hashed tokens. */
  token: string
  /** `min(deadline, now + idleTimeout)`. */
  expiry: Date
}

/**
 * Writes sessions. On a store with atomic methods, what the request changed is written, whatever others have written
 * meanwhile, and nothing when the session is gone; on others the whole session, and the last writer wins, as in SCS.
 */
export class SessionWriter {
  readonly #options: CheckedOptions
  readonly #store: StoreAccess
  readonly #reader: SessionReader
  readonly #queue = new CommitQueue()

  constructor(options: CheckedOptions, store: StoreAccess, reader: SessionReader) {
    this.#options = options
    this.#store = store
    this.#reader = reader
  }

  /** The commit of `data`; `undefined` when it has been revoked. */
  commit(client: Context, data: SessionData): Awaitable<Committed | undefined> {
    if (data.status === 'revoked') return undefined
    const ctx = withoutSignal(client)
    const limit = new TimeLimit(this.#options.storeTimeout)
    const { atomic } = this.#store
    if (!atomic) return this.#write(ctx, data, limit)
    if (data.touchDue && !data.changed) return this.#touch(ctx, data, atomic, limit)
    const write = () =>
      data.stored ? this.#swap(ctx, data, atomic, limit) : this.#write(ctx, data, limit)
    return data.merges.length === 0 ? write() : this.#merged(ctx, data, atomic, limit, write)
  }

  /** When the store may forget a session with this deadline that is used now. */
  expiryOf(deadline: Date): Date {
    const { idleTimeout } = this.#options
    if (!idleTimeout) return new Date(deadline)
    return new Date(Math.min(deadline.getTime(), Date.now() + idleTimeout))
  }

  #touch(
    ctx: Context,
    data: SessionData,
    atomic: AtomicStore,
    limit: TimeLimit,
  ): Awaitable<Committed | undefined> {
    const expiry = this.expiryOf(data.deadline)
    const touched = limit.apply(atomic.touch(ctx, data.storeToken, expiry), 'touch')
    return andThen(touched, (live) => {
      if (live) return { token: data.token, expiry }
      data.status = 'revoked'
      this.#options.onError(revoked(), ctx)
      return undefined
    })
  }

  #swap(
    ctx: Context,
    data: SessionData,
    atomic: AtomicStore,
    limit: TimeLimit,
  ): Awaitable<Committed | undefined> {
    const { codec, onError } = this.#options
    const from = data.stored?.storeToken ?? ''
    const resumes = data.doubt !== undefined
    const swapped = this.#queue.enter(from, (lane) => {
      if (limit.over) throw limit.error('commit')
      const tools = { atomic, codec, reader: this.#reader, expiryOf: this.expiryOf.bind(this) }
      const swap = new SessionSwap(tools, ctx, data, lane, limit)
      return limit.apply(swap.run(), 'commit')
    })
    return andThen(limit.apply(swapped, 'commit'), (expiry) => {
      if (expiry && resumes && (data.pending > 0 || data.renewed)) {
        return this.#swap(ctx, data, atomic, limit)
      }
      if (expiry) return { token: data.token, expiry }
      if (data.renewed) throw revoked()
      onError(revoked(), ctx)
      return undefined
    })
  }

  // The other session is claimed first, so that one caller has it; it goes when ours is in, and comes back when not.
  #merged(
    ctx: Context,
    data: SessionData,
    atomic: AtomicStore,
    limit: TimeLimit,
    write: () => Awaitable<Committed | undefined>,
  ): Awaitable<Committed | undefined> {
    const merge = new SessionMerge(atomic, this.#reader, this.#store, this.#options, ctx, limit)
    const claimed = () => limit.apply(merge.claim(data), 'mergeSession')
    return orElse(
      () =>
        andThen(claimed(), () =>
          andThen(write(), (committed) =>
            andThen(committed ? merge.finish(data) : merge.giveBack(data), () => committed),
          ),
        ),
      (error) =>
        andThen(merge.giveBack(data), () => {
          throw error
        }),
    )
  }

  // A new session, or one on a plain store.
  #write(ctx: Context, data: SessionData, limit: TimeLimit): Awaitable<Committed> {
    const { token, storeToken, pending } = data
    const bytes = this.#options.codec.encode(data.deadline, data.values)
    const expiry = this.expiryOf(data.deadline)
    // Also when the commit fails: the store may have done it all the same.
    data.rows.add(storeToken)
    const written = this.#store.commit(ctx, storeToken, bytes, expiry)
    const done =
      data.rows.size === 1
        ? written
        : andThen(written, () => this.#dropOthers(ctx, data, storeToken, limit))
    return andThen(limit.apply(done, 'commit'), () => {
      data.committed(pending)
      data.filedAs(storeToken, bytes)
      return { token, expiry }
    })
  }

  // The old rows go when the new one is in. If they cannot, the new one does: the client keeps the old token.
  #dropOthers(
    ctx: Context,
    data: SessionData,
    storeToken: string,
    limit: TimeLimit,
  ): Awaitable<unknown> {
    const others = [...data.rows].filter((row) => row !== storeToken)
    const dropped = () => {
      if (limit.over) throw limit.error('commit')
      return this.#store.deleteAll(ctx, others)
    }
    const takeBack = () =>
      orElse<unknown>(
        () => this.#store.delete(ctx, storeToken),
        (error) => this.#options.onError(error, ctx),
      )
    return andThen(
      orElse<unknown>(dropped, (error) =>
        andThen(takeBack(), () => {
          throw error
        }),
      ),
      () => {
        for (const row of others) data.rows.delete(row)
      },
    )
  }
}
