import { type Awaitable, andThen, orElse } from './awaitable.ts'
import { backoff } from './backoff.ts'
import { CommitQueue } from './commit-queue.ts'
import { type Context, withoutSignal } from './context.ts'
import { encodeSession } from './encode-session.ts'
import { ClaimedElsewhere } from './errors.ts'
import { excluding, including, none } from './few.ts'
import type { CheckedOptions } from './options.ts'
import { repeated } from './repeated.ts'
import { revoked, type SessionData } from './session-data.ts'
import { SessionMerge, waitForClaimant } from './session-merge.ts'
import type { SessionReader } from './session-reader.ts'
import { SessionRelease } from './session-release.ts'
import { type CommitTools, SessionSwap } from './session-swap.ts'
import type { StoreAccess } from './store-access.ts'
import { TimeLimit } from './time-limit.ts'

/** How often a commit that takes others in begins anew, when it meets one that takes in its own. */
const mostRounds = 20

/** What a commit tells: the token for the cookie, and when the store may forget the session. */
export interface Committed {
  /** The session token; '' in `iterate` with hashed tokens. */
  token: string
  /** What the store files the session under: the token, or its SHA-256 with `hashTokenInStore`. To find the row by. */
  storeToken: string
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
  /** `undefined` for a store without atomic methods. */
  readonly #tools: CommitTools | undefined
  readonly #queue = new CommitQueue()

  constructor(options: CheckedOptions, store: StoreAccess, reader: SessionReader) {
    this.#options = options
    this.#store = store
    this.#reader = reader
    const { atomic } = store
    const expiryOf = (deadline: Date) => this.expiryOf(deadline)
    this.#tools = atomic && { options, store, atomic, reader, expiryOf }
  }

  /** The commit of `data`; `undefined` when it has been revoked, or could only not be extended. */
  commit(client: Context, data: SessionData): Awaitable<Committed | undefined> {
    if (data.status === 'revoked') return undefined
    const ctx = withoutSignal(client)
    const limit = new TimeLimit(this.#options.storeTimeout)
    if (data.touchDue && !data.changed) return this.#extend(ctx, data, limit)
    const tools = this.#tools
    if (!tools) return this.#write(ctx, data, limit, encodeSession(this.#options, data))
    if (data.merges.length === 0 && data.leftovers.length === 0) {
      return this.#put(ctx, data, tools, limit)
    }
    const committed =
      data.merges.length > 0
        ? this.#merged(ctx, data, tools, limit)
        : this.#put(ctx, data, tools, limit)
    return andThen(committed, (committed) => {
      return committed && data.leftovers.length > 0
        ? this.#dropLeftovers(ctx, data, limit, committed)
        : committed
    })
  }

  /** When the store may forget a session with this deadline that is used now. */
  expiryOf(deadline: Date): Date {
    const { idleTimeout } = this.#options
    if (!idleTimeout) return new Date(deadline)
    return new Date(Math.min(deadline.getTime(), Date.now() + idleTimeout))
  }

  // Nothing but an extension is lost when it fails, and the next request tries again: pages are read on a database that
  // is read-only for a while.
  #extend(ctx: Context, data: SessionData, limit: TimeLimit): Awaitable<Committed | undefined> {
    const tools = this.#tools
    return orElse<Committed | undefined>(
      () =>
        tools
          ? this.#touch(ctx, data, tools, limit)
          : // Larger, perhaps, than what may be written anew.
            this.#write(
              ctx,
              data,
              limit,
              this.#options.codec.encode(data.deadline, data.values, data.origin),
            ),
      (error) => {
        this.#options.onError(error, ctx)
        return undefined
      },
    )
  }

  // One that another takes in just now counts as touched before: see docs/decisions/0013.
  #touch(
    ctx: Context,
    data: SessionData,
    { atomic }: CommitTools,
    limit: TimeLimit,
  ): Awaitable<Committed | undefined> {
    const expiry = this.expiryOf(data.deadline)
    const touched = repeated(
      () => atomic.touch(ctx, data.storeToken, expiry),
      () => limit.over,
    )
    return andThen(limit.apply(touched, 'touch'), (live) =>
      live ? committedOf(data, expiry) : this.#revoke(ctx, data),
    )
  }

  #put(
    ctx: Context,
    data: SessionData,
    tools: CommitTools,
    limit: TimeLimit,
  ): Awaitable<Committed | undefined> {
    if (!data.stored) return this.#write(ctx, data, limit, encodeSession(this.#options, data))
    return this.#swap(new SessionSwap(tools, ctx, data, limit), ctx, data, limit)
  }

  // What another session takes in may come back. Who waits for that leaves the queue meanwhile: nobody waits in it for one
  // who waits for him.
  #swap(
    swap: SessionSwap,
    ctx: Context,
    data: SessionData,
    limit: TimeLimit,
    tries = 1,
  ): Awaitable<Committed | undefined> {
    const { storeToken = '' } = data.stored ?? {}
    return andThen(
      this.#queue.enter(storeToken, limit, (lane) => swap.run(lane)),
      (outcome) => {
        if (outcome === 'claimed') {
          const waited = limit.apply(waitForClaimant(data, limit, tries), 'commit')
          return andThen(waited, () => this.#swap(swap, ctx, data, limit, tries + 1))
        }
        if (outcome !== 'gone') return committedOf(data, outcome)
        return data.takesPlace ? undefined : this.#revoke(ctx, data)
      },
    )
  }

  #revoke(ctx: Context, data: SessionData): undefined {
    data.status = 'revoked'
    if (data.renewed) throw revoked()
    this.#options.onError(revoked(), ctx)
    return undefined
  }

  // The other session is claimed first, so that one caller has it; it goes when ours is in, and comes back when not.
  #merged(
    ctx: Context,
    data: SessionData,
    tools: CommitTools,
    limit: TimeLimit,
    round = 1,
  ): Awaitable<Committed | undefined> {
    const merge = new SessionMerge(tools, ctx, limit)
    const release = new SessionRelease(tools, ctx)
    const put = (): Awaitable<Committed | undefined> =>
      andThen(limit.apply(merge.claim(data), 'mergeSession'), () =>
        andThen(this.#put(ctx, data, tools, limit), (committed) => {
          if (committed || !data.takesPlace) return committed
          // The session whose place it was to take has been destroyed: there is that one less to take in.
          data.unfiled()
          return put()
        }),
      )
    return orElse(
      () => {
        // What cannot be encoded claims nothing.
        encodeSession(tools.options, data)
        return andThen(put(), (committed) =>
          andThen(committed ? release.finish(data) : release.giveBack(data), () => committed),
        )
      },
      (error) =>
        andThen(release.giveBack(data), () => {
          const isMutual = error instanceof ClaimedElsewhere && !data.holdsClaims
          if (!isMutual || limit.over || round >= mostRounds) throw error
          // Two that take each other in have both given back: one is the first now.
          return backoff(round).then(() => this.#merged(ctx, data, tools, limit, round + 1))
        }),
    )
  }

  // A new session, or one on a plain store.
  #write(
    ctx: Context,
    data: SessionData,
    limit: TimeLimit,
    bytes: Uint8Array,
  ): Awaitable<Committed> {
    const { token, storeToken, pending } = data
    const expiry = this.expiryOf(data.deadline)
    // Also when the commit fails: the store may have done it all the same.
    data.rows = including(data.rows, storeToken)
    const written = orElse(
      () => this.#store.commit(ctx, storeToken, bytes, expiry),
      (error) => this.#writtenAfterAll(ctx, storeToken, bytes, error),
    )
    const done =
      data.rows.length === 1
        ? written
        : andThen(written, () => this.#dropOthers(ctx, data, storeToken, limit))
    return andThen(limit.apply(done, 'commit'), () => {
      data.committed(pending)
      data.filedAs(storeToken, bytes)
      return { token, storeToken, expiry }
    })
  }

  // The store failed, and may have written before it did: the row tells. Nobody else knows the token of a new session.
  #writtenAfterAll(
    ctx: Context,
    storeToken: string,
    bytes: Uint8Array,
    error: unknown,
  ): Awaitable<void> {
    if (!this.#tools) throw error
    const holds = orElse<boolean>(
      () => this.#reader.holds(ctx, storeToken, bytes),
      () => false,
    )
    return andThen(holds, (holds) => {
      if (!holds) throw error
    })
  }

  // The old rows go when the new one is in. If they cannot, the new one does: the client keeps the old token.
  #dropOthers(
    ctx: Context,
    data: SessionData,
    storeToken: string,
    limit: TimeLimit,
  ): Awaitable<unknown> {
    const others = data.rows.filter((row) => row !== storeToken)
    const dropped = () => {
      if (limit.over) throw limit.error('commit')
      return this.#store.deleteAll(ctx, others)
    }
    const takeBack = () =>
      orElse<unknown>(
        () =>
          andThen(this.#store.delete(ctx, storeToken), () => {
            data.rows = excluding(data.rows, storeToken)
          }),
        (error) => this.#options.onError(error, ctx),
      )
    return andThen(
      orElse<unknown>(dropped, (error) =>
        andThen(takeBack(), () => {
          throw error
        }),
      ),
      () => {
        for (const row of others) data.rows = excluding(data.rows, row)
        data.leftovers = none
      },
    )
  }

  // Of a session that took another's place: there is no way back from there. If they cannot go, the commit has failed.
  #dropLeftovers(
    ctx: Context,
    data: SessionData,
    limit: TimeLimit,
    committed: Committed,
  ): Awaitable<Committed> {
    const { leftovers } = data
    const dropped = repeated(
      () => this.#store.deleteAll(ctx, leftovers),
      () => limit.over,
    )
    return andThen(limit.apply(dropped, 'delete'), () => {
      for (const row of leftovers) data.rows = excluding(data.rows, row)
      data.leftovers = none
      return committed
    })
  }
}

function committedOf({ token, storeToken }: SessionData, expiry: Date): Committed {
  return { token, storeToken, expiry }
}
