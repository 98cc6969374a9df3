import type { Context } from '../context.ts'
import { minute } from '../duration.ts'
import { revoked, SessionError } from '../errors.ts'
import { type Awaitable, andThen, Turn } from '../util/promises.ts'
import { Timeout } from '../util/timeout.ts'
import { inTurn } from './session-calls.ts'
import { type Committed, type Row, SessionData, type SessionState } from './session-data.ts'
import { SessionRows, type SessionSettings } from './session-rows.ts'
import { SessionWriter } from './session-writer.ts'
import { isWellFormedToken } from './token.ts'

/**
 * What happens to sessions between memory and the store: found, committed, destroyed, renewed,
 * merged. Gives its answers at once where the store does. The store calls of one session of one
 * request are made one after another.
 */
export class SessionLifecycle {
  readonly #rows: SessionRows
  readonly #writer: SessionWriter

  constructor(settings: SessionSettings) {
    this.#rows = new SessionRows(settings)
    this.#writer = new SessionWriter(this.#rows)
  }

  /**
   * The live session of the first of `tokens` that has one, or a new session: a token that the
   * store does not know is never adopted. A row that cannot be used is passed over.
   */
  open(ctx: Context, tokens: string | readonly string[] | undefined): Awaitable<SessionData> {
    if (!Array.isArray(tokens)) return this.#openOne(ctx, tokens as string | undefined)
    const candidates = [...new Set(tokens.filter(isWellFormedToken))]
    return candidates.length < 2
      ? this.#openOne(ctx, candidates[0])
      : this.#openFirst(ctx, candidates)
  }

  async #openFirst(ctx: Context, tokens: readonly string[]): Promise<SessionData> {
    let data: SessionData | undefined
    let failure: unknown
    for (const token of tokens) {
      try {
        const opened = await this.#openOne(ctx, token)
        if (opened.stored) {
          data = opened
          break
        }
        if (opened.unreadable) data ??= opened
      } catch (error) {
        if (!(error instanceof SessionError) || error.code !== 'ERR_SESSION_UNREADABLE') throw error
        failure ??= error
      }
    }
    if (failure && !data?.stored) throw failure
    data ??= this.#fresh()
    data.others = tokens.map((token) => this.#rows.storeToken(token))
    return data
  }

  #openOne(ctx: Context, token: string | undefined): Awaitable<SessionData> {
    if (!isWellFormedToken(token)) return this.#fresh()
    const withExpiry = Boolean(this.#rows.settings.idleTimeout)
    return andThen(this.#rows.find(ctx, this.#rows.storeToken(token), withExpiry), (row) =>
      this.#opened(ctx, token, row),
    )
  }

  #opened(ctx: Context, token: string, row: Row | undefined): SessionData {
    if (!row) return this.#fresh()
    let state: SessionState | undefined
    try {
      state = this.#rows.decode(row.data)
    } catch (error) {
      if (this.#rows.settings.unreadable === 'fail') throw error
      this.#rows.settings.onError(error, ctx)
      const fresh = this.#fresh()
      fresh.unreadable = row
      fresh.others = [row.storeToken]
      return fresh
    }
    if (!state) return this.#fresh()
    const data = loaded(token, row, state)
    if (this.#touchIsDue(data.deadline, row.expiry)) {
      data.touchDue = true
      data.status = 'modified'
    }
    return data
  }

  #fresh(): SessionData {
    return new SessionData(this.#rows.newDeadline())
  }

  #touchIsDue(deadline: Date, expiry: Date | undefined): boolean {
    const { idleTimeout, touchInterval } = this.#rows.settings
    if (!idleTimeout) return false
    if (!expiry || touchInterval === 0) return true
    const early = this.#rows.expiryOf(deadline).getTime() - expiry.getTime()
    // Too late: the idle timeout was longer, or a clock ahead. By a minute it is none, so that
    // machines do not write in turn.
    return early >= touchInterval || -early > Math.max(touchInterval, minute)
  }

  /**
   * Writes the session; `undefined` when it has been revoked. Rejects for one that was renewed, and
   * revoked before that was in.
   */
  commit(ctx: Context, data: SessionData): Awaitable<Committed | undefined> {
    return inTurn(data, () => this.#writer.commit(ctx, data))
  }

  /** As {@link commit}, when there is a change that no commit before it has written. */
  commitChanges(ctx: Context, data: SessionData): Awaitable<Committed | undefined> {
    return inTurn(data, () => (data.pending > 0 ? this.#writer.commit(ctx, data) : undefined))
  }

  /**
   * Deletes every row that the session is, or was, filed under, and those of the other tokens of
   * its request; empties it.
   */
  destroy(ctx: Context, data: SessionData): Awaitable<void> {
    return inTurn(data, () => {
      const all = [...new Set([...data.rows, ...data.others])]
      return andThen(this.#deleteAll(ctx, all), () => data.reset(this.#rows.newDeadline()))
    })
  }

  /** Gives the session a new token, under which the next commit files it. */
  renew(data: SessionData): Awaitable<void> {
    return inTurn(data, () => {
      if (data.status === 'revoked') throw revoked()
      const deadline = this.#rows.newDeadline()
      data.apply((state) => {
        state.deadline = deadline
      })
      const { unreadable } = data
      if (unreadable) {
        data.addRow(unreadable.storeToken)
        data.absorbs = data.absorbs.concat({ ...unreadable, state: undefined })
        data.unreadable = undefined
      }
      this.#rows.identify(data)
    })
  }

  /**
   * Merges another session into `data`. With atomic methods nothing is written before the commit;
   * otherwise the other's row is deleted at once, as in SCS.
   */
  merge(ctx: Context, data: SessionData, token: string | undefined): Awaitable<void> {
    return inTurn(data, () => {
      if (data.status === 'revoked') throw revoked()
      if (!isWellFormedToken(token)) return
      const storeToken = this.#rows.storeToken(token)
      return andThen(this.#rows.find(ctx, storeToken), (row) => {
        const state = row && this.#rows.decodeOrReport(ctx, row.data)
        if (!state || isKnown(data, storeToken)) return
        data.absorb({ ...row, state })
        if (this.#rows.store.atomic) return
        data.absorbs = []
        return this.#deleteAll(ctx, [storeToken])
      })
    })
  }

  /**
   * Every live session of the store. Rows that cannot be decoded are reported and skipped. Lets
   * other work of the process run in between.
   */
  async *all(ctx: Context): AsyncGenerator<SessionData, void> {
    const { sessions } = this.#rows.store
    if (!sessions) {
      throw new SessionError(
        'ERR_SESSION_NOT_ITERABLE',
        'the store does not support iteration: it has none of scan, allCtx and all',
      )
    }
    const { storeTimeout, hashTokenInStore } = this.#rows.settings
    const rows = await new Timeout(storeTimeout).wait(sessions(ctx), 'all')
    const turn = new Turn()
    for await (const [storeToken, data] of eachInTime(rows, storeTimeout)) {
      const state = this.#rows.decodeOrReport(ctx, data, false)
      if (state) yield loaded(hashTokenInStore ? '' : storeToken, { storeToken, data }, state)
      if (turn.isOver) await turn.next()
    }
  }

  #deleteAll(ctx: Context, storeTokens: readonly string[]): Awaitable<void> {
    const timeout = new Timeout(this.#rows.settings.storeTimeout)
    return timeout.wait(this.#rows.store.deleteAll(ctx, storeTokens), 'delete')
  }
}

function loaded(token: string, row: Row, { deadline, values, origin }: SessionState): SessionData {
  const data = new SessionData(deadline, values, origin)
  data.identify(token, row.storeToken)
  data.filedAs(row)
  return data
}

// Each step of a scan is a store call, with a time-out.
async function* eachInTime<T>(
  rows: AsyncIterable<T> | Iterable<T>,
  storeTimeout: number,
): AsyncGenerator<T, void> {
  if (Symbol.iterator in rows) return yield* rows
  const iterator = rows[Symbol.asyncIterator]()
  // One that failed or hangs is not asked to clean up: its answer might never come.
  let mustReturn = false
  try {
    for (;;) {
      const step = await new Timeout(storeTimeout).wait(iterator.next(), 'scan')
      if (step.done) return
      mustReturn = true
      yield step.value
      mustReturn = false
    }
  } finally {
    if (mustReturn) await iterator.return?.()
  }
}

// The session itself, also under a token that it is about to leave, or one that it absorbs already.
function isKnown(data: SessionData, storeToken: string): boolean {
  return (
    data.storeToken === storeToken ||
    data.rows.includes(storeToken) ||
    data.absorbs.some((other) => other.storeToken === storeToken)
  )
}
