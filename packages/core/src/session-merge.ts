import { type Awaitable, andThen, orElse } from './awaitable.ts'
import { backoff } from './backoff.ts'
import { isSame } from './bytes.ts'
import type { Context } from './context.ts'
import { ClaimedElsewhere, SessionError } from './errors.ts'
import { including } from './few.ts'
import { marked } from './mark.ts'
import {
  type Claim,
  claimKey,
  type MergedSession,
  type SessionData,
  type SessionState,
} from './session-data.ts'
import type { Row } from './session-reader.ts'
import type { CommitTools } from './session-swap.ts'
import type { TimeLimit } from './time-limit.ts'

const mostTries = 100
const mostTriesWithClaims = 4

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
    this.#checkTime()
    const other = data.merges[index]
    if (!other) return takePlace(data)
    // One that a commit in doubt takes in is claimed already.
    const isClaimed = other.settled || data.mayHold(other)
    const claimed = isClaimed ? undefined : this.#claimOne(data, other, other.bytes, 1)
    return andThen(claimed, () => this.claim(data, index + 1))
  }

  // Each try has a mark of its own: what an earlier one sent may come late, and must not undo this one.
  #claimOne(
    data: SessionData,
    other: MergedSession,
    expected: Uint8Array,
    tries: number,
  ): Awaitable<void> {
    const { storeToken, state } = other
    const { atomic, expiryOf } = this.#tools
    const claim: Claim = {
      bytes: marked(this.#tools.options.codec, state, claimKey),
      isSure: false,
    }
    other.claims.push(claim)
    // Used now, as the client has sent its token: so that giving it back does not undo a touch.
    const expiry = expiryOf(state.deadline)
    const claimed = orElse<boolean>(
      () => atomic.replace(this.#ctx, storeToken, expected, claim.bytes, expiry),
      (error) => this.#claimedAfterAll(storeToken, claim.bytes, error),
    )
    return andThen(claimed, (done) => {
      if (done) {
        claim.isSure = true
        return
      }
      const at = other.claims.indexOf(claim)
      if (at !== -1) other.claims.splice(at, 1)
      if (tries >= mostTries) throw conflict()
      return this.#lookAndClaim(data, other, tries)
    })
  }

  #lookAndClaim(data: SessionData, other: MergedSession, tries: number): Awaitable<void> {
    this.#checkTime()
    const look = this.#tools.reader.look(this.#ctx, other.storeToken, this.#limit)
    return andThen(look, (row) => {
      this.#checkTime()
      return this.#claimFound(data, other, row, tries)
    })
  }

  #claimFound(
    data: SessionData,
    other: MergedSession,
    row: Row | undefined,
    tries: number,
  ): Awaitable<void> {
    const late = row && other.claims.find(({ bytes }) => isSame(bytes, row.data))
    if (late) return this.#claimOne(data, other, late.bytes, tries + 1)
    const found = row && this.#tools.reader.understood(this.#ctx, row)
    if (!found || found === 'unreadable') {
      this.#remake(data, other, nothing())
      other.settled = true
      other.claims.length = 0
      return
    }
    if (found.state.isClaimed) {
      return andThen(waitForClaimant(data, this.#limit, tries), () =>
        this.#lookAndClaim(data, other, tries + 1),
      )
    }
    this.#remake(data, other, found.state)
    other.bytes = found.data
    // The first repetition at once, as with a swap.
    return andThen(tries === 1 ? undefined : backoff(tries), () => {
      this.#checkTime()
      return this.#claimOne(data, other, found.data, tries + 1)
    })
  }

  // The store failed, and may have written before it did: the row tells.
  #claimedAfterAll(storeToken: string, claim: Uint8Array, error: unknown): Awaitable<boolean> {
    if (this.#limit.over) throw error
    const holds = orElse<boolean>(
      () => this.#tools.reader.holds(this.#ctx, storeToken, claim),
      () => false,
    )
    return andThen(holds, (holds) => {
      if (holds) return true
      throw error
    })
  }

  // When it is over, nobody waits for this any more, and another commit may have begun.
  #checkTime(): void {
    if (this.#limit.over) throw this.#limit.error('mergeSession')
  }

  // The changes are made anew, with `state` to merge; when one throws, all is as it was.
  #remake(data: SessionData, other: MergedSession, state: SessionState): void {
    const ours = data.takesPlace ? undefined : data.stored
    const base = ours && this.#tools.reader.decode(ours.data)
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

/** A pause, after which what another session takes in may have come back; fails when that takes too long. */
export function waitForClaimant(
  data: SessionData,
  limit: TimeLimit,
  tries: number,
): PromiseLike<void> {
  // Who keeps others for himself may be waited for by the one that he waits for.
  if (tries >= (data.holdsClaims ? mostTriesWithClaims : mostTries)) throw new ClaimedElsewhere()
  limit.blame ??= new ClaimedElsewhere()
  return backoff(tries).then(() => {
    if (limit.over) throw limit.error('commit')
  })
}

// Of a new session: the swap then writes it over the claim.
function takePlace(data: SessionData): void {
  if (data.stored && !data.takesPlace) return
  const other = data.merges.find(({ claims, settled }) => claims.length > 0 && !settled)
  const claim = other?.claims.at(-1)
  if (!other || !claim) {
    data.stored = undefined
    return
  }
  for (const row of data.rows) {
    if (row !== data.storeToken) data.leftovers = including(data.leftovers, row)
  }
  data.stored = { storeToken: other.storeToken, data: claim.bytes, isClaimed: false }
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
