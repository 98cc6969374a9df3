import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Awaitable, andThen, orElse } from './awaitable.ts'
import type { Codec } from './codec.ts'
import type { Lane } from './commit-queue.ts'
import type { Context } from './context.ts'
import { SessionError } from './errors.ts'
import { type Attempt, type SessionData, writeMarkKey } from './session-data.ts'
import type { SessionReader } from './session-reader.ts'
import type { AtomicStore } from './store.ts'
import type { TimeLimit } from './time-limit.ts'

/** What a swap works with. */
export interface SwapTools {
  readonly atomic: AtomicStore
  readonly codec: Codec
  readonly reader: SessionReader
  expiryOf(deadline: Date): Date
}

type Outcome = 'written' | 'refused' | 'gone' | 'again'

const mostTries = 100
const mostFaults = 3
const longestBackoff = 64

/**
 * One commit of a session that the store holds: written only over the bytes that it was made from. When others were
 * there first, the changes are made to what they wrote, and it is tried again. When the store fails, and may or may
 * not have written, the row tells. Where it does not, the session keeps the attempt as its `doubt`: another commit of
 * the request ends that one first, so that no change is made twice.
 */
export class SessionSwap {
  readonly #tools: SwapTools
  readonly #ctx: Context
  readonly #data: SessionData
  readonly #lane: Lane
  readonly #limit: TimeLimit
  readonly #from: string
  readonly #to: string
  #expected: Uint8Array
  #tries = 0
  #faults = 0
  /** After a fault, what the store failed with: from then on only this very attempt is repeated. */
  #fault: unknown

  constructor(tools: SwapTools, ctx: Context, data: SessionData, lane: Lane, limit: TimeLimit) {
    if (!data.stored) throw new TypeError('only a session that the store holds can be swapped')
    this.#tools = tools
    this.#ctx = ctx
    this.#data = data
    this.#lane = lane
    this.#limit = limit
    this.#from = data.stored.storeToken
    this.#to = data.doubt?.storeToken ?? data.storeToken
    this.#expected = data.stored.data
  }

  /** The expiry that was written; `undefined` when the session is gone: its status is then `'revoked'`. */
  run(): Awaitable<Date | undefined> {
    const { written } = this.#lane
    // What the next in this process starts from is known only when this commit is through.
    this.#lane.written = undefined
    if (this.#data.doubt) return this.#resume(this.#data.doubt)
    if (!written || isSame(written, this.#expected)) return this.#attempt()
    return this.#rebase(written) ? this.#attempt() : this.#revoke()
  }

  #attempt(): Awaitable<Date | undefined> {
    this.#tries++
    const data = this.#data
    const changes = data.pending
    if (data.counts) data.values.set(writeMarkKey, randomBytes(6).toString('base64url'))
    const bytes = this.#tools.codec.encode(data.deadline, data.values)
    const expiry = this.#tools.expiryOf(data.deadline)
    data.rows.add(this.#to)
    const merges = data.merges.slice()
    return this.#send({ storeToken: this.#to, bytes, expiry, changes, merges, done: false })
  }

  #resume(attempt: Attempt): Awaitable<Date | undefined> {
    this.#faults = 1
    this.#fault = inDoubt()
    return andThen(this.#settled(attempt), (outcome) => this.#proceed(attempt, outcome))
  }

  #send(attempt: Attempt): Awaitable<Date | undefined> {
    this.#data.doubt = attempt
    const outcome = orElse<Outcome>(
      () => andThen(this.#write(attempt), (done) => (done ? 'written' : this.#refused(attempt))),
      (error) => this.#failed(attempt, error),
    )
    return andThen(outcome, (outcome) => this.#proceed(attempt, outcome))
  }

  #proceed(attempt: Attempt, outcome: Outcome): Awaitable<Date | undefined> {
    if (outcome === 'written') return this.#done(attempt)
    // Done all the same, as a late answer has told meanwhile.
    if (attempt.done) return attempt.expiry
    if (outcome === 'gone') return this.#revoke()
    return this.#later(() => {
      if (outcome === 'refused') return this.#attempt()
      return attempt.done ? attempt.expiry : this.#send(attempt)
    })
  }

  #write({ bytes, expiry }: Attempt): Awaitable<boolean> {
    const { atomic } = this.#tools
    return this.#from === this.#to
      ? atomic.replace(this.#ctx, this.#to, this.#expected, bytes, expiry)
      : atomic.rename(this.#ctx, this.#from, this.#to, this.#expected, bytes, expiry)
  }

  // The store says that the row does not hold what was expected: what does it hold?
  #refused(attempt: Attempt): Awaitable<Outcome> {
    this.#checkTime()
    if (this.#faults > 0) return this.#settled(attempt)
    this.#data.doubt = undefined
    return andThen(this.#row(this.#from), (found) => {
      this.#checkTime()
      if (!found) return 'gone'
      return this.#rebase(found) ? 'refused' : 'gone'
    })
  }

  // The store failed: it may have written before it did.
  #failed(attempt: Attempt, error: unknown): Awaitable<Outcome> {
    if (this.#limit.over) throw error
    if (isOfTheCaller(error)) {
      if (this.#faults === 0) this.#data.doubt = undefined
      throw error
    }
    if (!attempt.done) this.#data.doubt = attempt
    this.#faults++
    this.#fault = error
    return this.#settled(attempt)
  }

  // After a fault: written if the row holds what was sent, not if it holds what was expected. Anything else may be
  // built on what was sent: trying again could do it twice.
  #settled({ bytes }: Attempt): Awaitable<Outcome> {
    const target = () =>
      andThen(this.#row(this.#to), (row) =>
        row && isSame(row, bytes) ? 'written' : this.#verdict(row),
      )
    // The old place first: a rename that comes late is then seen in one of the two.
    const look = () =>
      this.#from === this.#to
        ? target()
        : andThen(this.#row(this.#from), (source) => (source ? this.#verdict(source) : target()))
    return orElse(look, () => {
      throw this.#fault
    })
  }

  #verdict(found: Uint8Array | undefined): Outcome {
    if (!found) return 'gone'
    if (!isSame(found, this.#expected)) throw this.#fault
    if (this.#faults <= mostFaults) return 'again'
    if (!this.#limit.over) this.#data.doubt = undefined
    throw this.#fault
  }

  #later(next: () => Awaitable<Date | undefined>): Awaitable<Date | undefined> {
    this.#checkTime()
    if (this.#tries >= mostTries) throw conflict(this.#tries)
    // The first repetition at once: within a synchronous store, nobody can come between.
    if (this.#tries === 1 && this.#faults === 0) return next()
    const backoff = Math.min(2 ** (this.#tries + this.#faults), longestBackoff)
    return delay(Math.random() * backoff).then(() => {
      this.#checkTime()
      return next()
    })
  }

  // When it is over, nobody waits for this any more, and another commit may have begun.
  #checkTime(): void {
    if (this.#limit.over) throw this.#limit.error('commit')
  }

  #row(storeToken: string): Awaitable<Uint8Array | undefined> {
    return andThen(this.#tools.reader.row(this.#ctx, storeToken, false), (row) => row?.data)
  }

  // Whether there is a session left to change.
  #rebase(bytes: Uint8Array): boolean {
    const state = this.#tools.reader.decode(bytes)
    if (!state) return false
    this.#data.filedAs(this.#from, bytes)
    this.#data.rebase(state)
    this.#expected = bytes
    return true
  }

  #done(attempt: Attempt): Date {
    const { bytes, expiry, changes, merges } = attempt
    // A late answer: another commit has ended this one, or the session was destroyed.
    if (attempt.done || this.#data.doubt !== attempt) return expiry
    attempt.done = true
    this.#data.doubt = undefined
    this.#data.committed(changes)
    for (const other of merges) other.settled = true
    this.#data.rows.delete(this.#from)
    this.#data.filedAs(this.#to, bytes)
    if (this.#from === this.#to) this.#lane.written = bytes
    return expiry
  }

  #revoke(): undefined {
    this.#data.status = 'revoked'
    return undefined
  }
}

/** Whether two arrays hold the same bytes. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || Buffer.compare(a, b) === 0
}

// What a store refuses before it asks its database would be refused again.
function isOfTheCaller(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError
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
