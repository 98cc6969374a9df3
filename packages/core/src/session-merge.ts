import { type Awaitable, andThen, orElse } from './awaitable.ts'
import type { Context } from './context.ts'
import { SessionError } from './errors.ts'
import type { CheckedOptions } from './options.ts'
import type { MergedSession, SessionData } from './session-data.ts'
import type { SessionReader } from './session-reader.ts'
import { isSame } from './session-swap.ts'
import type { AtomicStore } from './store.ts'
import type { StoreAccess } from './store-access.ts'
import { generateToken } from './token.ts'

const mostTries = 100

/**
 * The other sessions that a commit takes in. Each is claimed before it, by renaming it to a token that nobody has: of
 * several callers one succeeds. It is deleted after the commit, or given back when there was none. What is lost in a
 * crash between is the other session's place, never its data twice.
 */
export class SessionMerge {
  readonly #atomic: AtomicStore
  readonly #reader: SessionReader
  readonly #store: StoreAccess
  readonly #options: CheckedOptions
  readonly #ctx: Context

  constructor(
    atomic: AtomicStore,
    reader: SessionReader,
    store: StoreAccess,
    options: CheckedOptions,
    ctx: Context,
  ) {
    this.#atomic = atomic
    this.#reader = reader
    this.#store = store
    this.#options = options
    this.#ctx = ctx
  }

  /** Claims what is to be merged; what is gone, or has changed, is merged as it is now. */
  claim(data: SessionData, index = 0): Awaitable<void> {
    const other = data.merges[index]
    if (!other) return
    return andThen(this.#claimOne(data, other, 1), () => this.claim(data, index + 1))
  }

  /** The commit is through: the claimed rows go. Nobody has their tokens, so that one which stays does no harm. */
  finish(data: SessionData): Awaitable<void> {
    const claims = data.merges.splice(0).flatMap((other) => other.claim ?? [])
    return orElse(
      () => this.#store.deleteAll(this.#ctx, claims),
      (error) => this.#options.onError(error, this.#ctx),
    )
  }

  /** There was no commit: the claimed rows go back to where they were. */
  giveBack(data: SessionData, index = 0): Awaitable<void> {
    const other = data.merges[index]
    if (!other) return
    const { claim, storeToken, row } = other
    other.claim = undefined
    const back = () =>
      claim
        ? this.#atomic.rename(this.#ctx, claim, storeToken, row.data, row.data, row.expiry)
        : true
    return andThen(
      orElse<unknown>(back, (error) => this.#options.onError(error, this.#ctx)),
      () => this.giveBack(data, index + 1),
    )
  }

  #claimOne(data: SessionData, other: MergedSession, tries: number): Awaitable<void> {
    const { storeToken, row } = other
    const token = generateToken()
    const claimed = orElse<boolean>(
      () => this.#atomic.rename(this.#ctx, storeToken, token, row.data, row.data, row.expiry),
      (error) => this.#claimedAfterAll(token, row.data, error),
    )
    return andThen(claimed, (done) => {
      if (done) {
        other.claim = token
        return
      }
      if (tries >= mostTries) throw conflict()
      return andThen(this.#reader.find(this.#ctx, storeToken, true), (found) => {
        const gone = !found || found === 'unreadable' || !found.expiry
        other.state = gone ? nothing() : found.state
        this.#remake(data)
        if (gone) return
        other.row = { data: found.data, expiry: found.expiry ?? row.expiry }
        return this.#claimOne(data, other, tries + 1)
      })
    })
  }

  // The store failed, and may have renamed before it did: the row under the new token tells.
  #claimedAfterAll(token: string, bytes: Uint8Array, error: unknown): Awaitable<boolean> {
    return orElse(
      () =>
        andThen(this.#reader.row(this.#ctx, token, false), (row) => {
          if (row && isSame(row.data, bytes)) return true
          throw error
        }),
      () => {
        throw error
      },
    )
  }

  // The changes are made anew, with what there now is to merge.
  #remake(data: SessionData): void {
    const base = data.stored && this.#reader.decode(data.stored.data)
    data.rebase(base ?? { deadline: data.initialDeadline, values: new Map() })
  }
}

function nothing(): MergedSession['state'] {
  return { deadline: new Date(0), values: new Map() }
}

function conflict(): SessionError {
  return new SessionError(
    'ERR_SESSION_CONFLICT',
    'other requests kept changing the session to be merged; nothing was written',
  )
}
