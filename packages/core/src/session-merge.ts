import { randomBytes } from 'node:crypto'
import { type Awaitable, andThen, orElse } from './awaitable.ts'
import type { Context } from './context.ts'
import { SessionError } from './errors.ts'
import type { CheckedOptions } from './options.ts'
import { claimKey, type MergedSession, type SessionData } from './session-data.ts'
import type { Row, SessionReader } from './session-reader.ts'
import { isSame } from './session-swap.ts'
import type { AtomicStore } from './store.ts'
import type { StoreAccess } from './store-access.ts'
import { TimeLimit } from './time-limit.ts'

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
  readonly #limit: TimeLimit

  constructor(
    atomic: AtomicStore,
    reader: SessionReader,
    store: StoreAccess,
    options: CheckedOptions,
    ctx: Context,
    limit: TimeLimit,
  ) {
    this.#atomic = atomic
    this.#reader = reader
    this.#store = store
    this.#options = options
    this.#ctx = ctx
    this.#limit = limit
  }

  /** Claims what is to be merged; what is gone, or has changed, is merged as it is now. */
  claim(data: SessionData, index = 0): Awaitable<void> {
    const other = data.merges[index]
    if (!other) return
    this.#checkTime()
    // One that a commit in doubt takes in is claimed already.
    const isClaimed = other.settled || data.doubt?.merges.includes(other)
    const claimed = isClaimed ? undefined : this.#claimOne(data, other, other.row.data, 1)
    return andThen(claimed, () => this.claim(data, index + 1))
  }

  /** The commit is through: the claimed rows go. Nobody finds them, so that one which stays does no harm. */
  finish(data: SessionData): Awaitable<void> {
    const claims = data.merges
      .splice(0)
      .flatMap((other) => (other.claims.length > 0 ? other.storeToken : []))
    return orElse(
      () => this.#inTime(this.#store.deleteAll(this.#ctx, claims)),
      (error) => this.#options.onError(error, this.#ctx),
    )
  }

  /** There was no commit: the claimed rows are again what they were. */
  giveBack(data: SessionData, index = 0): Awaitable<void> {
    const other = data.merges[index]
    if (!other) return
    const { storeToken, row } = other
    const claim = other.claims.at(-1)
    const next = () => this.giveBack(data, index + 1)
    // Where ours may hold the values, they would be in both.
    if (!claim || other.settled || data.doubt?.merges.includes(other)) return next()
    const back = () => this.#atomic.replace(this.#ctx, storeToken, claim, row.data, row.expiry)
    return andThen(
      orElse<unknown>(
        () => this.#inTime(back()),
        (error) => this.#options.onError(error, this.#ctx),
      ),
      next,
    )
  }

  // Each try has a mark of its own: what an earlier one sent may come late, and must not undo this one.
  #claimOne(
    data: SessionData,
    other: MergedSession,
    expected: Uint8Array,
    tries: number,
  ): Awaitable<void> {
    const { storeToken, row } = other
    const claim = this.#claimOf(other)
    other.claims.push(claim)
    const claimed = orElse<boolean>(
      () => this.#atomic.replace(this.#ctx, storeToken, expected, claim, row.expiry),
      (error) => this.#claimedAfterAll(storeToken, claim, error),
    )
    return andThen(claimed, (done) => {
      if (done) return
      this.#checkTime()
      if (tries >= mostTries) throw conflict()
      return andThen(this.#reader.row(this.#ctx, storeToken, true), (found) => {
        this.#checkTime()
        return this.#claimFound(data, other, found, tries)
      })
    })
  }

  #claimFound(
    data: SessionData,
    other: MergedSession,
    row: Row | undefined,
    tries: number,
  ): Awaitable<void> {
    const late = row && other.claims.find((claim) => isSame(claim, row.data))
    if (late) return this.#claimOne(data, other, late, tries + 1)
    const found = row && this.#reader.understood(this.#ctx, row)
    if (!found || found === 'unreadable' || !found.expiry) {
      other.state = nothing()
      other.settled = true
      other.claims.length = 0
      this.#remake(data)
      return
    }
    other.state = found.state
    other.row = { data: found.data, expiry: found.expiry }
    this.#remake(data)
    return this.#claimOne(data, other, found.data, tries + 1)
  }

  // The store failed, and may have written before it did: the row tells.
  #claimedAfterAll(token: string, bytes: Uint8Array, error: unknown): Awaitable<boolean> {
    return orElse(
      () =>
        andThen(this.#holds(token, bytes), (holds) => {
          if (holds) return true
          throw error
        }),
      () => {
        throw error
      },
    )
  }

  #claimOf({ state }: MergedSession): Uint8Array {
    const mark = randomBytes(6).toString('base64url')
    const values = new Map(state.values).set(claimKey, mark)
    return this.#options.codec.encode(state.deadline, values)
  }

  #holds(storeToken: string, bytes: Uint8Array): Awaitable<boolean> {
    return andThen(this.#reader.row(this.#ctx, storeToken, false), (row) => {
      return row !== undefined && isSame(row.data, bytes)
    })
  }

  // When it is over, nobody waits for this any more, and another commit may have begun.
  #checkTime(): void {
    if (this.#limit.over) throw this.#limit.error('mergeSession')
  }

  // The commit's own time may be over by now.
  #inTime<T>(pending: Awaitable<T>): Awaitable<T> {
    return new TimeLimit(this.#options.storeTimeout).apply(pending, 'mergeSession')
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
