import type { Context } from '../context.ts'
import { inDoubt } from '../errors.ts'
import { type Awaitable, andThen, orElse } from '../util/promises.ts'
import { retried } from '../util/retry.ts'
import { Timeout } from '../util/timeout.ts'
import { CommitQueue } from './session-calls.ts'
import type { Committed, SessionData } from './session-data.ts'
import type { SessionRows } from './session-rows.ts'
import { SessionSwap } from './session-swap.ts'

/**
 * Commits sessions. On a store with atomic methods, what the request changed is written, whatever
 * others have written meanwhile, and nothing when the session is gone; on others the whole session,
 * and the last writer wins, as in SCS.
 */
export class SessionWriter {
  readonly #rows: SessionRows
  readonly #queue = new CommitQueue()

  constructor(rows: SessionRows) {
    this.#rows = rows
  }

  /**
   * The commit of `session`; `undefined` when it has been revoked, or only its expiry was to be
   * moved and that failed.
   */
  commit(ctx: Context, session: SessionData): Awaitable<Committed | undefined> {
    if (session.status === 'revoked') return undefined
    if (session.inDoubt) throw inDoubt('an earlier commit of this request failed')
    const timeout = new Timeout(this.#rows.settings.storeTimeout)
    if (session.touchDue) return this.#extend(ctx, session, timeout)
    if (!this.#rows.store.atomic) {
      // A renewal that failed may still be taken back.
      const isSpent = session.renewed && session.rows.includes(session.storeToken)
      if (isSpent || session.storeToken === '') this.#rows.identify(session)
      return this.#overwrite(ctx, session, timeout, this.#rows.encode(session))
    }
    if (!session.stored) return new SessionSwap(this.#rows, ctx, session, timeout).run()
    return this.#queue.enter(session.stored.storeToken, timeout, (queue) =>
      new SessionSwap(this.#rows, ctx, session, timeout, queue).run(),
    )
  }

  // Pages are still read while a database is read-only: the next request tries to extend the
  // session again.
  #extend(ctx: Context, session: SessionData, timeout: Timeout): Awaitable<Committed | undefined> {
    const { token, storeToken, deadline, values, origin } = session
    const { store, settings } = this.#rows
    const expiry = this.#rows.expiryOf(deadline)
    const touch = () => store.atomic?.touch(ctx, storeToken, expiry)
    return orElse<Committed | undefined>(
      () =>
        store.atomic
          ? andThen(retried(touch, timeout, 'touch'), (isLive) =>
              isLive ? { token, storeToken, expiry } : this.#rows.revoke(ctx, session),
            )
          : // Not checked against maxSize: nothing is added.
            this.#overwrite(ctx, session, timeout, settings.codec.encode(deadline, values, origin)),
      (error) => {
        settings.onError(error, ctx)
        return undefined
      },
    )
  }

  #overwrite(
    ctx: Context,
    session: SessionData,
    timeout: Timeout,
    data: Uint8Array,
  ): Awaitable<Committed> {
    const { token, storeToken, pending } = session
    const expiry = this.#rows.expiryOf(session.deadline)
    // Also when the commit fails: the store may have written.
    session.addRow(storeToken)
    const { store } = this.#rows
    const written = timeout.wait(store.commit(ctx, storeToken, data, expiry), 'commit')
    const isRenewed = session.rows.length > 1
    return andThen(
      isRenewed ? this.#replaceOldRows(ctx, session, timeout, written) : written,
      () => {
        session.committed(pending)
        session.filedAs({ storeToken, data })
        return { token, storeToken, expiry }
      },
    )
  }

  // The old rows are deleted after the new one is written. When they cannot be, the new one is: the
  // client keeps the old token.
  async #replaceOldRows(
    ctx: Context,
    session: SessionData,
    timeout: Timeout,
    written: Awaitable<unknown>,
  ): Promise<void> {
    const { storeToken } = session
    const { store, settings } = this.#rows
    await written
    try {
      const old = session.rows.filter((row) => row !== storeToken)
      await timeout.wait(store.deleteAll(ctx, old), 'commit')
      session.rows = [storeToken]
    } catch (error) {
      const undone = orElse(
        () =>
          andThen(store.delete(ctx, storeToken), () => {
            session.rows = session.rows.filter((row) => row !== storeToken)
          }),
        (error) => settings.onError(error, ctx),
      )
      // The time-out is for the whole commit: when it is over, the deletion is sent, and not waited
      // for.
      if (!timeout.isOver) await Promise.resolve(timeout.wait(undone, 'commit')).catch(() => {})
      throw error
    }
  }
}
