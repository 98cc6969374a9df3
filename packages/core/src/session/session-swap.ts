import { type Context, withoutSignal } from '../context.ts'
import { inDoubt, SessionError } from '../errors.ts'
import type { Swap, SwapRow } from '../store/store.ts'
import { type Awaitable, andThen, isThenable } from '../util/promises.ts'
import { mostFaults, pause } from '../util/retry.ts'
import type { Timeout } from '../util/timeout.ts'
import type { SessionQueue } from './session-calls.ts'
import {
  type AbsorbedRow,
  type Committed,
  type Row,
  type SessionData,
  writeMarkKey,
} from './session-data.ts'
import type { SessionRows } from './session-rows.ts'
import { generateToken } from './token.ts'

/** One call of the store's `swap`, and how many of the session's changes are in it. */
interface Attempt {
  readonly swap: Swap
  readonly changes: number
}

/** What the rows tell of attempts that the store did not confirm. */
type Finding = Attempt | 'not done' | 'gone'

const mostTries = 100
// Shared: most commits have none.
const none: readonly never[] = []

/**
 * One commit on a store that has atomic methods: compare-and-swap. After a conflict, the session's
 * changes are re-applied to what others have written. After an error of the store, the rows tell
 * whether the swap was done; where they cannot, the commit fails and the session is in doubt. See
 * docs/concurrency.md.
 *
 * Synchronous when the store is, and the first try succeeds.
 */
export class SessionSwap {
  readonly #rows: SessionRows
  readonly #ctx: Context
  readonly #session: SessionData
  readonly #timeout: Timeout
  readonly #queue: SessionQueue | undefined
  /** The last error of the store in this commit. */
  #fault: { readonly cause: unknown } | undefined
  #faults = 0
  /** Attempts of which it is not known whether they were done. */
  #unconfirmed: readonly Attempt[] = none
  #mark = ''

  constructor(
    rows: SessionRows,
    ctx: Context,
    session: SessionData,
    timeout: Timeout,
    queue?: SessionQueue,
  ) {
    this.#rows = rows
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
    if (stored && written && !isSame(written, stored.data) && !this.#rebase(written)) {
      return this.#rows.revoke(this.#ctx, this.#session)
    }
    const attempt = this.#attempt()
    const answer = this.#send(attempt)
    if (answer === true) return this.#done(attempt)
    return andThen(answer, (isDone) => (isDone ? this.#done(attempt) : this.#retry(attempt)))
  }

  async #retry(refused: Attempt): Promise<Committed | undefined> {
    const session = this.#session
    const isNew = !session.stored
    let attempt = refused
    try {
      for (let tries = 1; ; tries++) {
        const fault = this.#fault
        if (fault && (this.#faults > mostFaults || this.#timeout.isOver)) throw fault.cause
        const finding = await this.#reread(attempt)
        if (finding === 'gone') return this.#rows.revoke(this.#ctx, session)
        if (finding !== 'not done') return this.#found(finding, attempt)
        if (tries === mostTries) {
          throw new SessionError(
            'ERR_SESSION_CONFLICT',
            `other requests changed the session at each of ${tries} tries to commit it; nothing was written`,
          )
        }
        if (tries > 1 || fault) await pause(tries)
        this.#timeout.check('commit')
        attempt = this.#attempt()
        if (await this.#send(attempt)) return this.#done(attempt)
      }
    } catch (error) {
      // A new session that absorbs nothing is committed anew, under another token.
      if (this.#fault) session.inDoubt = Boolean(session.stored) || session.absorbs.length > 0
      if (isNew) session.identify('', '')
      throw error
    }
  }

  #attempt(): Attempt {
    const session = this.#session
    const { stored, absorbs } = session
    // A new session is never sent twice under one token: see the rule in docs/concurrency.md.
    const isSpent = !stored && session.rows.includes(session.storeToken)
    if (session.storeToken === '' || isSpent) this.#rows.identify(session)
    // Bytes that no other write has: a lost increment is noticed, and a swap that was sent before
    // can no longer be done.
    if (stored && (session.counts || this.#fault)) {
      // 48 random bits.
      this.#mark ||= generateToken().slice(0, 8)
      session.values.set(writeMarkKey, this.#mark)
    }
    const data = this.#rows.encode(session)
    const { storeToken: token } = session
    session.addRow(token)
    return {
      changes: session.pending,
      swap: {
        from: stored && swapped(stored),
        to: { token, data, expiry: this.#rows.expiryOf(session.deadline) },
        absorbed: absorbs.length === 0 ? none : absorbs.map(swapped),
      },
    }
  }

  /** Whether the swap was done; `false` too for an error of the store, which is kept. */
  #send(attempt: Attempt): Awaitable<boolean> {
    try {
      const swapping = this.#rows.store.atomic?.swap(this.#ctx, attempt.swap) ?? false
      const answer = this.#timeout.wait(swapping, 'commit')
      return isThenable(answer)
        ? answer.then(undefined, (cause) => this.#failed(attempt, cause))
        : answer
    } catch (cause) {
      return this.#failed(attempt, cause)
    }
  }

  #failed(attempt: Attempt, cause: unknown): false {
    this.#fault = { cause }
    this.#faults++
    this.#unconfirmed = this.#unconfirmed.concat(attempt)
    return false
  }

  /**
   * Reads the rows of an attempt that the store refused or failed, and re-applies the changes to
   * what they hold now.
   */
  async #reread({ swap: { from, to } }: Attempt): Promise<Finding> {
    // The old row first: a rename that is done meanwhile is then seen in one of the two.
    const row = from && (await this.#row(from.token))
    const fault = this.#fault
    const moved = fault && !row && to.token !== from?.token ? await this.#row(to.token) : undefined
    const done = this.#unconfirmed.find((attempt) => isDone(attempt, row) || isDone(attempt, moved))
    if (done) return from ? done : this.#moveOn(done)
    const isAsBefore = from === undefined || (row && isSame(row.data, from.data))
    if (fault && from && !row) throw inDoubt('the session is gone', fault.cause)
    // Others may have built on what was sent before.
    if (fault && (!from || !isAsBefore)) throw fault.cause
    if (isAsBefore && this.#session.absorbs.length === 0) return 'not done'
    const data = isAsBefore ? from?.data : row?.data
    if (from && !data) return 'gone'
    return this.#rebase(data, await this.#absorbedNow()) ? 'not done' : 'gone'
  }

  /** The rows to absorb as they are now. */
  async #absorbedNow(): Promise<readonly AbsorbedRow[]> {
    const now: AbsorbedRow[] = []
    for (const absorbed of this.#session.absorbs) {
      const row = await this.#row(absorbed.storeToken)
      if (!row) continue
      if (isSame(row.data, absorbed.data)) {
        now.push(absorbed)
        continue
      }
      const state = absorbed.state && this.#rows.decodeOrReport(this.#ctx, row.data)
      if (state || !absorbed.state) now.push({ ...row, state })
    }
    return now
  }

  async #row(storeToken: string): Promise<Row | undefined> {
    try {
      return await this.#rows.reread(withoutSignal(this.#ctx), storeToken, this.#timeout)
    } catch (error) {
      throw this.#fault ? this.#fault.cause : error
    }
  }

  /**
   * Re-applies the changes to `data`, or to a new session, and to the rows to absorb as they are
   * now. `false` when the session is past its deadline.
   */
  #rebase(data: Uint8Array | undefined, absorbs = this.#session.absorbs): boolean {
    const session = this.#session
    const { stored, absorbs: before } = session
    const base = data
      ? this.#rows.decode(data)
      : { deadline: session.initialDeadline, values: new Map<string, unknown>() }
    if (!base) return false
    session.absorbs = absorbs
    try {
      session.rebase(base)
    } catch (error) {
      // A function of `update` has thrown: nothing has changed.
      session.absorbs = before
      throw error
    }
    if (stored && data) session.filedAs({ storeToken: stored.storeToken, data })
    return true
  }

  // A new session was written by a call that failed. A client that sends it twice by itself may
  // have sent it once more, and that may come after a logout: the session moves to a token that
  // only this call knows.
  #moveOn({ swap: { to } }: Attempt): Finding {
    const session = this.#session
    session.filedAs({ storeToken: to.token, data: to.data })
    session.absorbs = none
    this.#unconfirmed = none
    this.#rows.identify(session)
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
    session.filedAs({ storeToken: to.token, data: to.data })
    if (from?.token === to.token && this.#queue) this.#queue.written = to.data
    return { token: session.token, storeToken: to.token, expiry: to.expiry }
  }
}

function swapped({ storeToken: token, data }: Row): SwapRow {
  return { token, data }
}

// A write of the bytes that are there already changes the expiry alone, which the row's data does
// not show.
function isDone({ swap: { from, to } }: Attempt, row: Row | undefined): boolean {
  if (!row || to.token !== row.storeToken || !isSame(to.data, row.data)) return false
  return from?.token !== to.token || !isSame(from.data, to.data)
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || Buffer.compare(a, b) === 0
}
