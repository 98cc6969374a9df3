import { randomBytes } from 'node:crypto'
import { type Awaitable, andThen, orElse } from './awaitable.ts'
import type { Context } from './context.ts'
import { SessionError } from './errors.ts'
import type { CheckedOptions } from './options.ts'
import { claimKey, type MergedSession, type SessionData } from './session-data.ts'
import type { SessionReader } from './session-reader.ts'
import { isSame } from './session-swap.ts'
import type { AtomicStore } from './store.ts'
import type { StoreAccess } from './store-access.ts'

const mostTries = 100

/**
 * The other sessions that a commit takes in. Each is claimed before it, by a mark in its row with which nobody finds it:
 * of several callers one succeeds. It is deleted after the commit, or given back when there was none; the row stays in
 * its place meanwhile, so that one that is destroyed then cannot come back. What is lost in a crash between is the other
 * session, never its data twice.
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
    // Claimed already where an earlier commit left it in doubt.
    const claimed = other.claim ? undefined : this.#claimOne(data, other, 1)
    return andThen(claimed, () => this.claim(data, index + 1))
  }

  /** The commit is through: the claimed rows go. Nobody finds them, so that one which stays does no harm. */
  finish(data: SessionData): Awaitable<void> {
    const claims = data.merges.splice(0).flatMap((other) => (other.claim ? other.storeToken : []))
    return orElse(
      () => this.#store.deleteAll(this.#ctx, claims),
      (error) => this.#options.onError(error, this.#ctx),
    )
  }

  /** There was no commit: the claimed rows are again what they were. */
  giveBack(data: SessionData, index = 0): Awaitable<void> {
    const other = data.merges[index]
    if (!other) return
    const { claim, storeToken, row } = other
    other.claim = undefined
    const back = () =>
      claim ? this.#atomic.replace(this.#ctx, storeToken, claim, row.data, row.expiry) : true
    return andThen(
      orElse<unknown>(back, (error) => this.#options.onError(error, this.#ctx)),
      () => this.giveBack(data, index + 1),
    )
  }

  #claimOne(data: SessionData, other: MergedSession, tries: number): Awaitable<void> {
    const { storeToken, row, state } = other
    const mark = randomBytes(6).toString('base64url')
    const values = new Map(state.values).set(claimKey, mark)
    const claim = this.#options.codec.encode(state.deadline, values)
    const claimed = orElse<boolean>(
      () => this.#atomic.replace(this.#ctx, storeToken, row.data, claim, row.expiry),
      (error) => this.#claimedAfterAll(storeToken, claim, error),
    )
    return andThen(claimed, (done) => {
      if (done) {
        other.claim = claim
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

  // The store failed, and may have written before it did: the row tells.
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
