import { type Awaitable, andThen, orElse } from './awaitable.ts'
import { backoff } from './backoff.ts'
import { isSame } from './bytes.ts'
import type { Lane } from './commit-queue.ts'
import type { Context } from './context.ts'
import { encodeSession } from './encode-session.ts'
import { isOfTheCaller, SessionError } from './errors.ts'
import { excluding, including, none } from './few.ts'
import { newMark } from './mark.ts'
import type { CheckedOptions } from './options.ts'
import { type Attempt, type SessionData, type StoredRow, writeMarkKey } from './session-data.ts'
import type { SessionReader } from './session-reader.ts'
import type { AtomicStore } from './store.ts'
import type { StoreAccess } from './store-access.ts'
import type { TimeLimit } from './time-limit.ts'

/** What commits on a store with atomic methods work with. */
export interface CommitTools {
  readonly options: CheckedOptions
  readonly store: StoreAccess
  readonly atomic: AtomicStore
  readonly reader: SessionReader
  expiryOf(deadline: Date): Date
}

/** What comes of a swap: the expiry that was written, that the row is gone, or that another session is taking it in. */
export type Swapped = Date | 'gone' | 'claimed'

/** What a look at the row tells: the attempt that was done, or that none was done yet. */
type Finding = Attempt | 'still there' | 'gone' | 'claimed'

const mostTries = 100
const mostFaults = 3

/**
 * One commit of a session that the store holds: written only over the bytes that it was made from. When others were
 * there first, the changes are made to what they wrote, and it is tried again.
 *
 * When the store fails, it may have written, or write later. Such an attempt is one of the session's doubts until
 * something is known to be written over the same bytes: then no other can be. The row tells which of them it was. Where it holds
 * something else, that may be built on one of them, and the commit fails, lest a change is made twice.
 */
export class SessionSwap {
  readonly #tools: CommitTools
  readonly #ctx: Context
  readonly #data: SessionData
  readonly #limit: TimeLimit
  #lane: Lane | undefined
  #mark: { readonly over: StoredRow; readonly text: string } | undefined
  #tries = 0
  #faults = 0
  /** What the store failed with last. */
  #fault: unknown

  constructor(tools: CommitTools, ctx: Context, data: SessionData, limit: TimeLimit) {
    this.#tools = tools
    this.#ctx = ctx
    this.#data = data
    this.#limit = limit
  }

  /** Writes it. What is claimed may be given back: then it can be run again. */
  run(lane: Lane): Awaitable<Swapped> {
    this.#lane = lane
    const { written } = lane
    // What the next in this process starts from is known only when this commit is through.
    lane.written = undefined
    if (this.#stored.isClaimed) return andThen(this.#look(), (finding) => this.#proceed(finding))
    const mayRebase = this.#data.doubts.length === 0 && !this.#data.takesPlace
    if (!written || !mayRebase || isSame(written, this.#stored.data)) return this.#attempt()
    return this.#proceed(this.#rebase(written))
  }

  get #stored(): StoredRow {
    const { stored } = this.#data
    if (!stored) throw new TypeError('only a session that the store holds can be swapped')
    return stored
  }

  #attempt(): Awaitable<Swapped> {
    this.#tries++
    const data = this.#data
    const { storeToken, data: expected } = this.#stored
    const isMove = storeToken !== data.storeToken
    // A write of what is there already takes nothing away from the others, and leaves nothing open.
    for (const doubt of data.doubts) {
      const isIdle = doubt.storeToken === storeToken && isSame(doubt.bytes, expected)
      if (isIdle) data.doubts = excluding(data.doubts, doubt)
    }
    // After a doubt too: others must never come back to the bytes that the doubt waits for. They cannot when the row moves.
    // And where it takes others in: whatever is built on it then shows that it was done.
    const takesIn = data.merges.length > 0 && !data.takesPlace
    if (data.counts || takesIn || (data.doubts.length > 0 && !isMove)) {
      data.values.set(writeMarkKey, this.#markOver(this.#stored))
    }
    const attempt: Attempt = {
      storeToken: data.storeToken,
      bytes: encodeSession(this.#tools.options, data),
      expiry: this.#tools.expiryOf(data.deadline),
      changes: data.pending,
      merges: data.merges,
    }
    data.rows = including(data.rows, attempt.storeToken)
    data.doubts = including(data.doubts, attempt)
    const answer = orElse<boolean | undefined>(
      () => this.#write(attempt),
      (error) => this.#failed(error),
    )
    return andThen(answer, (done) => {
      if (done) return this.#done(attempt)
      if (done === false) data.doubts = excluding(data.doubts, attempt)
      return andThen(this.#look(), (finding) => this.#proceed(finding))
    })
  }

  // One for all tries over the same bytes: a store that moves a row in several steps then knows its own.
  #markOver(over: StoredRow): string {
    if (this.#mark?.over !== over) this.#mark = { over, text: newMark() }
    return this.#mark.text
  }

  #write({ storeToken: to, bytes, expiry }: Attempt): Awaitable<boolean> {
    const { atomic } = this.#tools
    const { storeToken: from, data: expected } = this.#stored
    return from === to
      ? atomic.replace(this.#ctx, to, expected, bytes, expiry)
      : atomic.rename(this.#ctx, from, to, expected, bytes, expiry)
  }

  #failed(error: unknown): undefined {
    this.#faults++
    this.#fault = error
  }

  #proceed(finding: Finding): Awaitable<Swapped> {
    if (finding === 'gone' || finding === 'claimed') return finding
    if (finding !== 'still there') {
      const expiry = this.#done(finding)
      if (this.#data.pending === 0) return expiry
    }
    // A mistake in the program would be made again; the row has told that it was one.
    if (this.#faults > mostFaults || isOfTheCaller(this.#fault)) throw this.#fault
    if (this.#tries >= mostTries) throw conflict(this.#tries)
    // The first repetition at once: within a synchronous store, nobody can come between.
    if (this.#tries <= 1 && this.#faults === 0) return this.#attempt()
    return backoff(this.#tries + this.#faults).then(() => {
      this.#checkTime()
      return this.#attempt()
    })
  }

  // The store did not write, or did not say whether it has.
  #look(): Awaitable<Finding> {
    this.#checkTime()
    const { storeToken } = this.#stored
    const targets = this.#data.doubts.map((doubt) => doubt.storeToken)
    // The old place first: a rename that comes late is then seen in one of the two.
    const places = [...new Set([storeToken, ...targets])]
    return this.#lookAt(places, this.#stored)
  }

  #lookAt([place, ...others]: readonly string[], stored: StoredRow): Awaitable<Finding> {
    if (place === undefined) return 'gone'
    const read = orElse(
      () => this.#tools.reader.look(this.#ctx, place, this.#limit),
      (error) => {
        throw this.#fault ?? error
      },
    )
    return andThen(read, (row) => {
      this.#checkTime()
      // The late answer of an earlier commit has told meanwhile.
      if (this.#data.stored !== stored) return 'still there'
      return row ? this.#seen(place, row.data) : this.#lookAt(others, stored)
    })
  }

  #seen(place: string, bytes: Uint8Array): Finding {
    const { storeToken, data, isClaimed } = this.#stored
    if (place === storeToken && isSame(bytes, data)) return isClaimed ? 'claimed' : 'still there'
    const { doubts } = this.#data
    const done = doubts.find((doubt) => doubt.storeToken === place && isSame(doubt.bytes, bytes))
    if (done) return done
    const state = this.#tools.reader.decode(bytes)
    // It comes back as what it was, or not at all.
    if (state?.isClaimed && !this.#data.takesPlace) return 'claimed'
    if (doubts.length > 0) throw this.#fault ?? inDoubt()
    // The place that it was to take is another's, or its owner's again.
    return this.#data.takesPlace ? 'gone' : this.#rebase(bytes, state)
  }

  // When it is over, nobody waits for this any more, and another commit may have begun.
  #checkTime(): void {
    if (this.#limit.over) throw this.#limit.error('commit')
  }

  #rebase(bytes: Uint8Array, state = this.#tools.reader.decode(bytes)): Finding {
    if (!state) return 'gone'
    // First what may throw: an update's function.
    this.#data.rebase(state)
    this.#data.filedAs(this.#stored.storeToken, bytes)
    return 'still there'
  }

  #done(attempt: Attempt): Date {
    const { storeToken: to, bytes, expiry, changes, merges } = attempt
    // A late answer: another commit has found out already, or the session was destroyed.
    if (!this.#data.doubts.includes(attempt)) return expiry
    const { storeToken: from } = this.#stored
    this.#data.doubts = none
    this.#data.committed(changes)
    for (const other of merges) {
      other.settled = true
      // Its row has become ours.
      if (other.storeToken === from) other.claims.length = 0
    }
    if (from !== to) this.#data.rows = excluding(this.#data.rows, from)
    this.#data.filedAs(to, bytes)
    if (from === to && this.#lane) this.#lane.written = bytes
    return expiry
  }
}

function inDoubt(): SessionError {
  return new SessionError(
    'ERR_SESSION_CONFLICT',
    'an earlier commit of this request failed, and it is not known whether it was done: another could do it twice',
  )
}

function conflict(tries: number): SessionError {
  return new SessionError(
    'ERR_SESSION_CONFLICT',
    `other requests changed the session at each of ${tries} tries to commit it; nothing was written`,
  )
}
