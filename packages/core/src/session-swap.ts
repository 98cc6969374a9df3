import { type Awaitable, isThenable, orElse } from './awaitable.ts'
import { isSame } from './bytes.ts'
import type { SessionQueue } from './commit-queue.ts'
import type { Context } from './context.ts'
import { encodeSession } from './encode-session.ts'
import { inDoubt, revoked, SessionError } from './errors.ts'
import { including, none } from './few.ts'
import type { CheckedOptions } from './options.ts'
import { mostFaults, pause } from './retry.ts'
import { type AbsorbedRow, type Committed, type SessionData, writeMarkKey } from './session-data.ts'
import type { Row, SessionReader } from './session-reader.ts'
import type { AtomicStore, Swap } from './store.ts'
import type { Timeout } from './timeout.ts'
import { generateToken } from './token.ts'

/** What commits on a store with atomic methods need. */
export interface SwapTools {
  readonly options: CheckedOptions
  readonly atomic: AtomicStore
  readonly reader: SessionReader
  /** Gives the session a new token. */
  identify(session: SessionData): void
  expiryOf(deadline: Date): Date
}

/** One call of the store's `swap`, and how many of the session's changes are in it. */
interface Attempt {
  readonly swap: Swap
  readonly changes: number
}

/** An error of the store: whether it has written is not known. */
interface Fault {
  readonly cause: unknown
}

/** What the rows tell of attempts that the store did not confirm. */
type Finding = Attempt | 'not done' | 'gone'

const mostTries = 100

/**
 * One commit on a store with atomic methods: compare-and-swap. After a conflict, the session's changes are re-applied to what
 * others have written. After an error of the store, the rows tell whether the swap was done; where they cannot, the commit
 * fails and the session is in doubt. See docs/concurrency.md.
 *
 * Synchronous when the store is, and the first try succeeds.
 */
export class SessionSwap {
  readonly #tools: SwapTools
  readonly #ctx: Context
  readonly #session: SessionData
  readonly #timeout: Timeout
  readonly #queue: SessionQueue | undefined
  /** The last error of the store in this commit. */
  #fault: Fault | undefined
  #faults = 0
  /** Attempts of which it is not known whether they were done. */
  #unconfirmed: readonly Attempt[] = none
  #mark = ''

  constructor(
    tools: SwapTools,
    ctx: Context,
    session: SessionData,
    timeout: Timeout,
    queue: SessionQueue | undefined,
  ) {
    this.#tools = tools
    this.#ctx = ctx
    this.#session = session
    this.#timeout = timeout
    this.#queue = queue
  }

  /** Commits; `undefined` when the session was revoked. */
  run(): Awaitable<Committed | undefined> {
    const { stored } = this.#session
    const written = this.#queue?.written
    // What the next commit in this process starts from is known only when this one is done.
    if (this.#queue) this.#queue.written = undefined
    if (stored && written && !isSame(written, stored.data)) {
      if (this.#rebase(written) === 'gone') return this.#revoke()
    }
    const attempt = this.#attempt()
    const outcome = this.#send(attempt)
    return isThenable(outcome)
      ? this.#whenAnswered(attempt, outcome)
      : this.#answered(attempt, outcome)
  }

  #whenAnswered(
    attempt: Attempt,
    pending: PromiseLike<boolean | Fault>,
  ): Awaitable<Committed | undefined> {
    return pending.then((outcome) => this.#answered(attempt, outcome))
  }

  #answered(attempt: Attempt, outcome: boolean | Fault): Awaitable<Committed | undefined> {
    return outcome === true ? this.#done(attempt) : this.#retry(attempt, outcome)
  }

  async #retry(attempt: Attempt, outcome: false | Fault): Promise<Committed | undefined> {
    try {
      return await this.#tryUntilDone(attempt, outcome)
    } catch (error) {
      const session = this.#session
      // A new session that absorbs nothing is committed anew, under another token.
      if (this.#fault) session.inDoubt = Boolean(session.stored) || session.absorbs.length > 0
      throw error
    }
  }

  async #tryUntilDone(first: Attempt, refused: false | Fault): Promise<Committed | undefined> {
    let attempt = first
    let outcome = refused
    for (let tries = 1; ; tries++) {
      if (outcome) this.#failed(attempt, outcome)
      const finding = await this.#look(attempt)
      if (finding === 'gone') return this.#revoke()
      if (finding !== 'not done') return this.#found(finding, attempt)
      if (tries === mostTries) throw conflict(tries)
      if (tries > 1 || this.#fault) await pause(tries)
      this.#timeout.check('commit')
      attempt = this.#attempt()
      const answer = await this.#send(attempt)
      if (answer === true) return this.#done(attempt)
      outcome = answer
    }
  }

  #attempt(): Attempt {
    const { options, expiryOf } = this.#tools
    const session = this.#session
    const { stored, absorbs } = session
    // A token that may be filed already is not used for another new session: see the rule in docs/concurrency.md.
    const isSpent = !stored && session.rows.includes(session.storeToken)
    if (session.storeToken === '' || isSpent) this.#tools.identify(session)
    // Bytes that no other write has: a lost increment is noticed, and a swap that was sent before can no longer be done.
    if (stored && (session.counts || this.#fault)) {
      // 48 random bits.
      this.#mark ||= generateToken().slice(0, 8)
      session.values.set(writeMarkKey, this.#mark)
    }
    const data = encodeSession(options, session)
    const { storeToken: token } = session
    session.rows = including(session.rows, token)
    return {
      changes: session.pending,
      swap: {
        from: stored && { token: stored.storeToken, data: stored.data },
        to: { token, data, expiry: expiryOf(session.deadline) },
        absorbed: absorbs.length === 0 ? none : absorbs.map(swapped),
      },
    }
  }

  #send({ swap }: Attempt): Awaitable<boolean | Fault> {
    try {
      const answer = this.#timeout.wait(this.#tools.atomic.swap(this.#ctx, swap), 'commit')
      return isThenable(answer) ? answer.then(undefined, faultOf) : answer
    } catch (cause) {
      return { cause }
    }
  }

  #failed(attempt: Attempt, fault: Fault): void {
    this.#fault = fault
    this.#unconfirmed = [...this.#unconfirmed, attempt]
    if (++this.#faults > mostFaults || this.#timeout.isOver) throw fault.cause
  }

  /** Reads the rows of an attempt that the store refused or failed, and re-applies the changes to what they hold now. */
  async #look({ swap: { from, to } }: Attempt): Promise<Finding> {
    // The old row first: a rename that is done meanwhile is then seen in one of the two.
    const row = from && (await this.#row(from.token))
    const moved =
      this.#fault && !row && to.token !== from?.token ? await this.#row(to.token) : undefined
    const done =
      this.#unconfirmed.find(isDone(from?.token, row)) ??
      this.#unconfirmed.find(isDone(to.token, moved))
    if (done) return from ? done : this.#moveOn(done)
    const isAsBefore = from === undefined || (row && isSame(row.data, from.data))
    if (this.#fault && from && !row) throw inDoubt('the session is gone', this.#fault.cause)
    // Others may have built on what was sent before.
    if (this.#fault && (!from || !isAsBefore)) throw this.#fault.cause
    if (!isAsBefore && !row) return 'gone'
    const absorbs = await this.#absorbedNow()
    if (isAsBefore && absorbs === this.#session.absorbs) return 'not done'
    return this.#rebase(isAsBefore ? from?.data : row?.data, absorbs)
  }

  /** The rows to absorb as they are now: the same array when none has changed. */
  async #absorbedNow(): Promise<readonly AbsorbedRow[]> {
    const { absorbs } = this.#session
    const now: AbsorbedRow[] = []
    for (const absorbed of absorbs) {
      const row = await this.#row(absorbed.storeToken)
      if (!row) continue
      if (isSame(row.data, absorbed.data)) now.push(absorbed)
      else if (!absorbed.state) now.push({ ...absorbed, data: row.data })
      else {
        const found = this.#tools.reader.understood(this.#ctx, row)
        if (found && 'state' in found) {
          now.push({ ...absorbed, data: row.data, state: found.state })
        }
      }
    }
    return now.length === absorbs.length && now.every((row, at) => row === absorbs[at])
      ? absorbs
      : now
  }

  #row(storeToken: string): Awaitable<Row | undefined> {
    return orElse(
      () => this.#tools.reader.look(this.#ctx, storeToken, this.#timeout),
      (error) => {
        throw this.#fault ? this.#fault.cause : error
      },
    )
  }

  /** Re-applies the changes to `bytes`, or to a new session, and to the rows to absorb as they are now. */
  #rebase(
    bytes: Uint8Array | undefined,
    absorbs: readonly AbsorbedRow[] = this.#session.absorbs,
  ): 'not done' | 'gone' {
    const session = this.#session
    const { stored, absorbs: before } = session
    const base = bytes
      ? this.#tools.reader.decode(bytes)
      : { deadline: session.initialDeadline, values: new Map<string, unknown>() }
    if (!base) return 'gone'
    session.absorbs = absorbs
    try {
      session.rebase(base)
    } catch (error) {
      // A function of `update` has thrown: the session is as it was.
      session.absorbs = before
      throw error
    }
    if (stored && bytes) session.filedAs(stored.storeToken, bytes)
    return 'not done'
  }

  // A new session was written by a call that failed. A client that sends it twice by itself may have sent it once more, and
  // that may come after a logout: the session moves to a token that only this call knows.
  #moveOn({ swap: { to } }: Attempt): Finding {
    const session = this.#session
    session.filedAs(to.token, to.data)
    session.absorbs = none
    this.#unconfirmed = none
    this.#tools.identify(session)
    return 'not done'
  }

  /** An attempt that failed turns out to be done. */
  #found(found: Attempt, last: Attempt): Committed {
    const committed = this.#done(found)
    // Later attempts may have been made from other rows.
    if (found !== last) this.#rebase(found.swap.to.data)
    return committed
  }

  #done({ changes, swap: { from, to } }: Attempt): Committed {
    const session = this.#session
    session.committed(changes)
    session.absorbs = none
    if (from && from.token !== to.token) {
      session.rows = session.rows.filter((row) => row !== from.token)
    }
    session.filedAs(to.token, to.data)
    if (from?.token === to.token && this.#queue) this.#queue.written = to.data
    return { token: session.token, storeToken: to.token, expiry: to.expiry }
  }

  #revoke(): undefined {
    return revoke(this.#tools.options, this.#ctx, this.#session)
  }
}

/** The row of a session is gone. Throws when the client would be given a new token for it. */
export function revoke({ onError }: CheckedOptions, ctx: Context, session: SessionData): undefined {
  session.status = 'revoked'
  if (session.renewed) throw revoked()
  onError(revoked(), ctx)
  return undefined
}

function faultOf(cause: unknown): Fault {
  return { cause }
}

function swapped({ storeToken: token, data }: AbsorbedRow): Swap['absorbed'][number] {
  return { token, data }
}

// A write of the bytes that are there already changes the expiry alone, which the row's data does not show.
function isDone(token: string | undefined, row: Row | undefined): (attempt: Attempt) => boolean {
  return ({ swap: { from, to } }) => {
    if (!row || to.token !== token || !isSame(to.data, row.data)) return false
    return from?.token !== token || !isSame(from.data, to.data)
  }
}

function conflict(tries: number): SessionError {
  return new SessionError(
    'ERR_SESSION_CONFLICT',
    `other requests changed the session at each of ${tries} tries to commit it; nothing was written`,
  )
}
