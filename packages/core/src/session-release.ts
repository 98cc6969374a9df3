import { type Awaitable, andThen, orElse } from './awaitable.ts'
import { backoff } from './backoff.ts'
import { isSame } from './bytes.ts'
import type { Context } from './context.ts'
import { ClaimedElsewhere, SessionError } from './errors.ts'
import { none } from './few.ts'
import { marked } from './mark.ts'
import {
  type Attempt,
  type MergedSession,
  type SessionData,
  type SessionState,
  writeMarkKey,
} from './session-data.ts'
import type { Row } from './session-reader.ts'
import type { CommitTools } from './session-swap.ts'
import { TimeLimit } from './time-limit.ts'

const mostTries = 100
const mostTriesToGiveBack = 5

/** What came of a write. `'refused'`: the row was not as expected, or is gone; `'failed'`: `onError` has heard why. */
type Outcome = 'done' | 'refused' | 'failed'

/**
 * What becomes of the sessions that a commit has claimed: they are deleted when it is in, and given back when it is not.
 * Where that cannot be known they stay claimed, lest their data is in two places. The commit's own time may be over by
 * then, and this is still to be done: it has as much again.
 */
export class SessionRelease {
  readonly #tools: CommitTools
  readonly #ctx: Context

  constructor(tools: CommitTools, ctx: Context) {
    this.#tools = tools
    this.#ctx = ctx
  }

  /** The commit is through: the claimed rows go. Nobody finds them, so that one which stays does no harm. */
  finish(data: SessionData): Awaitable<void> {
    const { merges } = data
    data.merges = none
    return this.#drop(merges, new TimeLimit(this.#tools.options.storeTimeout))
  }

  /** There was no commit: the claimed rows are again what they were. What cannot be given back, `onError` hears of. */
  giveBack(data: SessionData): Awaitable<void> {
    const limit = new TimeLimit(this.#tools.options.storeTimeout)
    return andThen(this.#fence(data, limit), (fenced) =>
      andThen(this.#giveAllBack(data, limit, fenced !== 'failed', 0), () =>
        // What a commit has taken in that was then told to have failed.
        this.#drop(
          data.merges.filter(({ settled }) => settled),
          limit,
        ),
      ),
    )
  }

  #drop(taken: readonly MergedSession[], limit: TimeLimit): Awaitable<void> {
    const { store, options } = this.#tools
    const claimed = taken.filter(({ claims }) => claims.length > 0)
    const tokens = claimed.map(({ storeToken }) => storeToken)
    return orElse(
      () =>
        andThen(limit.apply(store.deleteAll(this.#ctx, tokens), 'mergeSession'), () => {
          for (const { claims } of claimed) claims.length = 0
        }),
      (error) => options.onError(error, this.#ctx),
    )
  }

  // A write in doubt may come late, and take in what was given back. It cannot when the row is not what it expects any
  // more: the same, with another mark.
  #fence(data: SessionData, limit: TimeLimit): Awaitable<Outcome> {
    const { stored } = data
    const inDoubt = data.merges.some((other) => !other.settled && data.mayHold(other))
    if (!stored || !inDoubt || data.takesPlace) return 'refused'
    const state = this.#tools.reader.decode(stored.data)
    if (!state) return 'refused'
    const { storeToken, data: expected } = stored
    const bytes = marked(this.#tools.options.codec, state, writeMarkKey)
    const fenced = this.#persist(storeToken, expected, bytes, state.deadline, limit)
    return andThen(fenced, (outcome) => {
      if (outcome === 'refused') return this.#fenceOthers(data, state, storeToken, limit)
      if (outcome === 'failed') return outcome
      data.doubts = none
      data.filedAs(storeToken, bytes)
      return outcome
    })
  }

  // Others have written. On top of ours, unless the mark of what it expected is still there: each write that takes
  // others in has another, and who does not count leaves the mark that he finds.
  #fenceOthers(
    data: SessionData,
    { values }: SessionState,
    storeToken: string,
    limit: TimeLimit,
  ): Awaitable<Outcome> {
    const { reader, options } = this.#tools
    const fenced = (row: Row | undefined): Awaitable<Outcome> => {
      const isDone = (doubt: Attempt) => row !== undefined && isSame(doubt.bytes, row.data)
      for (const { merges } of data.doubts.filter(isDone)) {
        for (const other of merges) other.settled = true
      }
      const found = row && reader.decode(row.data)
      const isUnmoved = found?.values.get(writeMarkKey) === values.get(writeMarkKey)
      if (!row || !found || found.isClaimed || !isUnmoved) return 'refused'
      const bytes = marked(options.codec, found, writeMarkKey)
      return this.#persist(storeToken, row.data, bytes, found.deadline, limit)
    }
    const look = () => andThen(reader.look(this.#ctx, storeToken, limit), fenced)
    const outcome = orElse<Outcome>(
      () => limit.apply(look(), 'mergeSession'),
      (error) => {
        options.onError(error, this.#ctx)
        return 'failed'
      },
    )
    return andThen(outcome, (outcome) => {
      if (outcome !== 'done') return outcome
      data.doubts = data.doubts.filter(({ merges }) => merges.length === 0)
      return outcome
    })
  }

  // `tells`: whether onError has to hear of what stays claimed.
  #giveAllBack(
    data: SessionData,
    limit: TimeLimit,
    tells: boolean,
    index: number,
  ): Awaitable<void> {
    const other = data.merges[index]
    if (!other) return
    const next = () => this.#giveAllBack(data, limit, tells, index + 1)
    if (other.claims.length === 0 || other.settled) return next()
    const isPlace = other.storeToken === data.stored?.storeToken
    // Where ours may hold the values, they would be in both; but ours cannot take the place of one that is given back.
    if (!isPlace && data.mayHold(other)) {
      if (tells) this.#tools.options.onError(inDoubt(), this.#ctx)
      return next()
    }
    return andThen(this.#release(other, limit), (outcome) => {
      if (outcome === 'done' && isPlace) data.unfiled()
      if (outcome === 'done' || (outcome === 'refused' && !isPlace)) other.claims.length = 0
      return next()
    })
  }

  #release(other: MergedSession, limit: TimeLimit): Awaitable<Outcome> {
    const { storeToken, bytes, state, claims } = other
    const claim = claims.at(-1)
    if (claim && claims.every(({ isSure }) => isSure)) {
      return this.#persist(storeToken, claim.bytes, bytes, state.deadline, limit)
    }
    return orElse(
      () => limit.apply(this.#overtake(other, limit, 1), 'mergeSession'),
      (error) => {
        this.#tools.options.onError(error, this.#ctx)
        return 'failed'
      },
    )
  }

  // A claim that may come late must not find what it expects, now or ever: whatever the row holds gets another mark.
  #overtake(other: MergedSession, limit: TimeLimit, tries: number): Awaitable<Outcome> {
    const { storeToken, claims } = other
    const { atomic, reader, expiryOf, options } = this.#tools
    const again = (error: unknown): Awaitable<Outcome> => {
      if (tries >= mostTries || limit.over) throw error
      return backoff(tries).then(() => this.#overtake(other, limit, tries + 1))
    }
    const look = reader.look(this.#ctx, storeToken, limit)
    return andThen(look, (row) => {
      if (limit.over) throw limit.error('mergeSession')
      const found = row && reader.understood(this.#ctx, row)
      if (!row || !found || found === 'unreadable') return 'refused'
      const { state } = found
      const isOurs = claims.some(({ bytes }) => isSame(bytes, row.data))
      if (state.isClaimed && !isOurs) return again(new ClaimedElsewhere())
      const bytes = marked(options.codec, state, writeMarkKey)
      const expiry = expiryOf(state.deadline)
      let fault: unknown
      const written = orElse<boolean>(
        () => atomic.replace(this.#ctx, storeToken, row.data, bytes, expiry),
        (error) => {
          if (tries >= mostTriesToGiveBack) throw error
          fault = error
          return false
        },
      )
      return andThen(written, (done) => (done ? 'done' : again(fault ?? new ClaimedElsewhere())))
    })
  }

  // What an earlier try sent may have been done, or come late: all of them do the same, once.
  #persist(
    storeToken: string,
    expected: Uint8Array,
    bytes: Uint8Array,
    deadline: Date,
    limit: TimeLimit,
  ): Awaitable<Outcome> {
    const { atomic, expiryOf, options } = this.#tools
    const write = (tries: number): Awaitable<boolean> =>
      orElse<boolean>(
        () =>
          andThen(
            atomic.replace(this.#ctx, storeToken, expected, bytes, expiryOf(deadline)),
            (done) => done || (tries > 1 && this.#tools.reader.holds(this.#ctx, storeToken, bytes)),
          ),
        (error) => {
          if (tries >= mostTriesToGiveBack || limit.over) throw error
          return backoff(tries).then(() => write(tries + 1))
        },
      )
    return orElse<Outcome>(
      () => andThen(limit.apply(write(1), 'mergeSession'), (done) => (done ? 'done' : 'refused')),
      (error) => {
        options.onError(error, this.#ctx)
        return 'failed'
      },
    )
  }
}

function inDoubt(): SessionError {
  return new SessionError(
    'ERR_SESSION_CONFLICT',
    'a commit failed, and it cannot be known whether it has taken in the session to be merged: that one stays where nobody finds it, lest it is in two places',
  )
}
