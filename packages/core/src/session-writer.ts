import { type Awaitable, andThen, orElse } from './awaitable.ts'
import { CommitQueue } from './commit-queue.ts'
import { type Context, withoutSignal } from './context.ts'
import { encodeSession } from './encode-session.ts'
import { inDoubt } from './errors.ts'
import { including } from './few.ts'
import type { CheckedOptions } from './options.ts'
import { retried } from './retry.ts'
import type { Committed, SessionData } from './session-data.ts'
import type { SessionReader } from './session-reader.ts'
import { revoke, SessionSwap, type SwapTools } from './session-swap.ts'
import type { StoreAccess } from './store-access.ts'
import { Timeout } from './timeout.ts'

/**
 * Writes sessions. On a store with atomic methods, what the request changed is written, whatever others have written
 * meanwhile, and nothing when the session is gone; on others the whole session, and the last writer wins, as in SCS.
 */
export class SessionWriter {
  readonly #options: CheckedOptions
  readonly #store: StoreAccess
  /** `undefined` for a store without atomic methods. */
  readonly #tools: SwapTools | undefined
  readonly #queue = new CommitQueue()

  constructor(
    options: CheckedOptions,
    store: StoreAccess,
    reader: SessionReader,
    identify: (session: SessionData) => void,
  ) {
    this.#options = options
    this.#store = store
    const { atomic } = store
    const expiryOf = (deadline: Date) => this.expiryOf(deadline)
    this.#tools = atomic && { options, atomic, reader, identify, expiryOf }
  }

  /** The commit of `session`; `undefined` when it has been revoked, or only its expiry was to be moved and that failed. */
  commit(client: Context, session: SessionData): Awaitable<Committed | undefined> {
    if (session.status === 'revoked') return undefined
    if (session.inDoubt) throw inDoubt('an earlier commit of this request failed')
    const ctx = withoutSignal(client)
    const timeout = new Timeout(this.#options.storeTimeout)
    if (session.touchDue && !session.changed) return this.#extend(ctx, session, timeout)
    const tools = this.#tools
    if (!tools) {
      return this.#overwrite(ctx, session, timeout, encodeSession(this.#options, session))
    }
    if (!session.stored) return new SessionSwap(tools, ctx, session, timeout, undefined).run()
    return this.#queue.enter(session.stored.storeToken, timeout, (queue) =>
      new SessionSwap(tools, ctx, session, timeout, queue).run(),
    )
  }

  /** When the store may forget a session with this deadline that is used now. */
  expiryOf(deadline: Date): Date {
    const { idleTimeout } = this.#options
    if (!idleTimeout) return new Date(deadline)
    return new Date(Math.min(deadline.getTime(), Date.now() + idleTimeout))
  }

  // Only an extension is lost when it fails, and the next request tries again: pages are still read while a database is
  // read-only.
  #extend(ctx: Context, session: SessionData, timeout: Timeout): Awaitable<Committed | undefined> {
    return orElse<Committed | undefined>(
      () =>
        this.#tools
          ? this.#touch(ctx, session, this.#tools, timeout)
          : // The session may be larger than what may be written anew.
            this.#overwrite(
              ctx,
              session,
              timeout,
              this.#options.codec.encode(session.deadline, session.values, session.origin),
            ),
      (error) => {
        this.#options.onError(error, ctx)
        return undefined
      },
    )
  }

  #touch(
    ctx: Context,
    session: SessionData,
    { atomic, options }: SwapTools,
    timeout: Timeout,
  ): Awaitable<Committed | undefined> {
    const { token, storeToken, deadline } = session
    const expiry = this.expiryOf(deadline)
    const touched = retried(() => atomic.touch(ctx, storeToken, expiry), timeout, 'touch')
    return andThen(touched, (isLive) =>
      isLive ? { token, storeToken, expiry } : revoke(options, ctx, session),
    )
  }

  // A store without atomic methods.
  #overwrite(
    ctx: Context,
    session: SessionData,
    timeout: Timeout,
    bytes: Uint8Array,
  ): Awaitable<Committed> {
    const { token, storeToken, pending } = session
    const expiry = this.expiryOf(session.deadline)
    // Also when the commit fails: the store may have written all the same.
    session.rows = including(session.rows, storeToken)
    const written = timeout.wait(this.#store.commit(ctx, storeToken, bytes, expiry), 'commit')
    const done =
      session.rows.length === 1
        ? written
        : andThen(written, () => this.#dropOldRows(ctx, session, storeToken, timeout))
    return andThen(done, () => {
      session.committed(pending)
      session.filedAs(storeToken, bytes)
      return { token, storeToken, expiry }
    })
  }

  // The old rows are deleted after the new one is written. When they cannot be, the new one is: the client keeps the old
  // token.
  #dropOldRows(
    ctx: Context,
    session: SessionData,
    storeToken: string,
    timeout: Timeout,
  ): Awaitable<unknown> {
    const old = session.rows.filter((row) => row !== storeToken)
    const dropped = orElse<unknown>(
      () => timeout.wait(this.#store.deleteAll(ctx, old), 'commit'),
      async (error) => {
        const undone = this.#undo(ctx, session, storeToken)
        // The time-out is for the whole commit: when it is over, the deletion is sent, and not waited for.
        if (!timeout.isOver) await Promise.resolve(timeout.wait(undone, 'commit')).catch(() => {})
        throw error
      },
    )
    return andThen(dropped, () => {
      session.rows = [storeToken]
    })
  }

  async #undo(ctx: Context, session: SessionData, storeToken: string): Promise<void> {
    try {
      await this.#store.delete(ctx, storeToken)
      session.rows = session.rows.filter((row) => row !== storeToken)
    } catch (error) {
      this.#options.onError(error, ctx)
    }
  }
}
