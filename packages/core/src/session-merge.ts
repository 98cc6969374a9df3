import { randomBytes } from 'node:crypto'
import { type Awaitable, andThen, orElse } from './awaitable.ts'
import { backoff } from './backoff.ts'
import type { Context } from './context.ts'
import { SessionError } from './errors.ts'
import {
  claimKey,
  type MergedSession,
  type SessionData,
  type SessionState,
  writeMarkKey,
} from './session-data.ts'
import type { Row } from './session-reader.ts'
import { type CommitTools, isSame } from './session-swap.ts'
import { TimeLimit } from './time-limit.ts'

const mostTries = 100
const mostTriesToGiveBack = 5

/**
 * The other sessions that a commit takes in. Each is claimed before it, by a mark in its row with which nobody finds it:
 * of several callers one succeeds. It is deleted after the commit, or given back when there was none; the row stays in
 * its place meanwhile, so that one that is destroyed then cannot come back. A new session takes the place of the first:
 * that row is renamed to its token, so that one step puts ours in and takes the other out. What is lost in a crash
 * between is the other session, never its data twice.
 */
export class SessionMerge {
  readonly #tools: CommitTools
  readonly #ctx: Context
  readonly #limit: TimeLimit

  constructor(tools: CommitTools, ctx: Context, limit: TimeLimit) {
    this.#tools = tools
    this.#ctx = ctx
    this.#limit = limit
  }

  /** Claims what is to be merged; what is gone, or has changed, is merged as it is now. */
  claim(data: SessionData, index = 0): Awaitable<void> {
    const other = data.merges[index]
    if (!other) return takePlace(data)
    this.#checkTime()
    // One that a commit in doubt takes in is claimed already.
    const isClaimed = other.settled || data.mayHold(other)
    const claimed = isClaimed ? undefined : this.#claimOne(data, other, other.bytes, 1)
    return andThen(claimed, () => this.claim(data, index + 1))
  }

  /**
   * The commit is through: the claimed rows go. Nobody finds them, so that one which stays does no harm. As with
   * {@link giveBack}, the commit's own time may be over by now, and this is still to be done: it has as much again.
   */
  finish(data: SessionData): Awaitable<void> {
    const { store, options } = this.#tools
    const claims = data.merges
      .splice(0)
      .flatMap((other) => (other.claims.length > 0 ? other.storeToken : []))
    const limit = new TimeLimit(options.storeTimeout)
    return orElse(
      () => limit.apply(store.deleteAll(this.#ctx, claims), 'mergeSession'),
      (error) => options.onError(error, this.#ctx),
    )
  }

  /** There was no commit: the claimed rows are again what they were. */
  giveBack(data: SessionData): Awaitable<void> {
    const limit = new TimeLimit(this.#tools.options.storeTimeout)
    return andThen(this.#fence(data, limit), () => this.#giveAllBack(data, limit, 0))
  }

  // A write in doubt may come late, and take in what was given back. It cannot when the row is not what it expects any
  // more: the same, with another mark.
  #fence(data: SessionData, limit: TimeLimit): Awaitable<void> {
    const { stored } = data
    const inDoubt = data.merges.some((other) => !other.settled && data.mayHold(other))
    const state = stored && inDoubt ? this.#tools.reader.decode(stored.data) : undefined
    if (!stored || !state) return
    const { storeToken, data: expected } = stored
    const bytes = this.#marked(state, writeMarkKey)
    const fenced = this.#persist(storeToken, expected, bytes, state.deadline, limit)
    return andThen(fenced, (done) => {
      if (!done) return
      data.doubts.clear()
      data.filedAs(storeToken, bytes)
    })
  }

  #giveAllBack(data: SessionData, limit: TimeLimit, index: number): Awaitable<void> {
    const other = data.merges[index]
    if (!other) return
    const next = () => this.#giveAllBack(data, limit, index + 1)
    const { storeToken, bytes, state } = other
    const claim = other.claims.at(-1)
    const isPlace = storeToken === data.stored?.storeToken
    // Where ours may hold the values, they would be in both; but ours cannot take the place of one that is given back.
    if (!claim || other.settled || (!isPlace && data.mayHold(other))) return next()
    const given = this.#persist(storeToken, claim, bytes, state.deadline, limit)
    return andThen(given, (done) => {
      if (done && isPlace) data.unfiled()
      return next()
    })
  }

  // What an earlier try sent may have been done, or come late: all of them do the same, once.
  #persist(
    storeToken: string,
    expected: Uint8Array,
    bytes: Uint8Array,
    deadline: Date,
    limit: TimeLimit,
  ): Awaitable<boolean> {
    const { atomic, expiryOf, options } = this.#tools
    const write = (tries: number): Awaitable<boolean> =>
      orElse<boolean>(
        () =>
          andThen(
            atomic.replace(this.#ctx, storeToken, expected, bytes, expiryOf(deadline)),
            (done) => done || (tries > 1 && this.#holds(storeToken, bytes)),
          ),
        (error) => {
          if (tries >= mostTriesToGiveBack || limit.over) throw error
          return backoff(tries).then(() => write(tries + 1))
        },
      )
    return orElse<boolean>(
      () => limit.apply(write(1), 'mergeSession'),
      (error) => {
        options.onError(error, this.#ctx)
        return false
      },
    )
  }

  // Each try has a mark of its own: what an earlier one sent may come late, and must not undo this one.
  #claimOne(
    data: SessionData,
    other: MergedSession,
    expected: Uint8Array,
    tries: number,
  ): Awaitable<void> {
    const { storeToken, state } = other
    const { atomic, reader, expiryOf } = this.#tools
    const claim = this.#marked(state, claimKey)
    other.claims.push(claim)
    // Used now, as the client has sent its token: so that giving it back does not undo a touch.
    const expiry = expiryOf(state.deadline)
    const claimed = orElse<boolean>(
      () => atomic.replace(this.#ctx, storeToken, expected, claim, expiry),
      (error) => this.#claimedAfterAll(storeToken, claim, error),
    )
    return andThen(claimed, (done) => {
      if (done) return
      this.#checkTime()
      if (tries >= mostTries) throw conflict()
      return andThen(reader.row(this.#ctx, storeToken, false), (found) => {
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
    const found = row && this.#tools.reader.understood(this.#ctx, row)
    if (!found || found === 'unreadable') {
      this.#remake(data, other, nothing())
      other.settled = true
      other.claims.length = 0
      return
    }
    this.#remake(data, other, found.state)
    other.bytes = found.data
    return this.#claimOne(data, other, found.data, tries + 1)
  }

  // The store failed, and may have written before it did: the row tells.
  #claimedAfterAll(storeToken: string, claim: Uint8Array, error: unknown): Awaitable<boolean> {
    const holds = orElse<boolean>(
      () => this.#holds(storeToken, claim),
      () => false,
    )
    return andThen(holds, (holds) => {
      if (holds) return true
      throw error
    })
  }

  #holds(storeToken: string, bytes: Uint8Array): Awaitable<boolean> {
    return andThen(this.#tools.reader.row(this.#ctx, storeToken, false), (row) => {
      return row !== undefined && isSame(row.data, bytes)
    })
  }

  #marked({ deadline, values }: SessionState, key: string): Uint8Array {
    const mark = randomBytes(6).toString('base64url')
    return this.#tools.options.codec.encode(deadline, new Map(values).set(key, mark))
  }

  // When it is over, nobody waits for this any more, and another commit may have begun.
  #checkTime(): void {
    if (this.#limit.over) throw this.#limit.error('mergeSession')
  }

  // The changes are made anew, with `state` to merge; when one throws, all is as it was.
  #remake(data: SessionData, other: MergedSession, state: SessionState): void {
    const base = data.stored && this.#tools.reader.decode(data.stored.data)
    const before = other.state
    other.state = state
    try {
      data.rebase(base ?? { deadline: data.initialDeadline, values: new Map() })
    } catch (error) {
      other.state = before
      throw error
    }
  }
}

// Of a new session: the swap then writes it over the claim.
function takePlace(data: SessionData): void {
  if (data.stored && !data.takesPlace) return
  const other = data.merges.find(({ claims, settled }) => claims.length > 0 && !settled)
  const claim = other?.claims.at(-1)
  data.stored = other && claim ? { storeToken: other.storeToken, data: claim } : undefined
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
