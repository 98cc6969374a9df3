import { type Awaitable, andThen, isThenable, orElse } from './awaitable.ts'
import type { Context } from './context.ts'
import { minute } from './duration.ts'
import { revoked, SessionError } from './errors.ts'
import { including } from './few.ts'
import type { CheckedOptions } from './options.ts'
import { type Committed, SessionData } from './session-data.ts'
import { type Found, SessionReader } from './session-reader.ts'
import { SessionWriter } from './session-writer.ts'
import { StoreAccess } from './store-access.ts'
import { Timeout } from './timeout.ts'
import { generateToken, hashToken, isWellFormedToken } from './token.ts'
import { Turn } from './turn.ts'

/**
 * What happens to sessions between memory and the store: found, committed, destroyed, renewed, merged. Gives its
 * answers at once where the store does. The store calls of one session of one request are made one after another.
 */
export class SessionLifecycle {
  readonly #options: CheckedOptions
  readonly #store: StoreAccess
  readonly #reader: SessionReader
  readonly #writer: SessionWriter

  constructor(options: CheckedOptions) {
    this.#options = options
    this.#store = new StoreAccess(options.store)
    this.#reader = new SessionReader(options, this.#store)
    this.#writer = new SessionWriter(options, this.#store, this.#reader, (data) =>
      this.#identify(data),
    )
  }

  /**
   * The live session of the first of `tokens` that has one, or a new session: a token that the store does not know is never
   * adopted. A row that cannot be used is passed over.
   */
  open(ctx: Context, tokens: string | readonly string[] | undefined): Awaitable<SessionData> {
    if (!Array.isArray(tokens)) return this.#openOne(ctx, tokens as string | undefined)
    const candidates = [...new Set(tokens.filter(isWellFormedToken))]
    if (candidates.length < 2) return this.#openOne(ctx, candidates[0])
    return andThen(this.#openFirst(ctx, candidates, undefined), (data) => {
      const rows = candidates.map((token) => this.#storeToken(token))
      data.others = rows.filter((row) => row !== data.storeToken)
      return data
    })
  }

  #openFirst(
    ctx: Context,
    [token, ...others]: readonly string[],
    passedOver: Seen | undefined,
  ): Awaitable<SessionData> {
    if (token === undefined) {
      if (passedOver && 'error' in passedOver) throw passedOver.error
      return passedOver?.data ?? this.#fresh()
    }
    const seeing = orElse<Seen>(
      () => andThen(this.#openOne(ctx, token), (data) => ({ data })),
      (error) => {
        if (isUnreadable(error)) return { error }
        throw error
      },
    )
    return andThen(seeing, (seen) => {
      if ('data' in seen && seen.data.stored) return seen.data
      const isThere = 'error' in seen || seen.data.unreadable !== undefined
      return this.#openFirst(ctx, others, passedOver ?? (isThere ? seen : undefined))
    })
  }

  #openOne(ctx: Context, token: string | undefined): Awaitable<SessionData> {
    if (!isWellFormedToken(token)) return this.#fresh()
    const storeToken = this.#storeToken(token)
    const withExpiry = Boolean(this.#options.idleTimeout)
    return andThen(this.#reader.find(ctx, storeToken, withExpiry), (found) => {
      if (found && 'state' in found) return this.#loaded(token, storeToken, found)
      const fresh = this.#fresh()
      if (found) fresh.unreadable = { storeToken, data: found.data }
      return fresh
    })
  }

  /** Writes the session; `undefined` when it has been revoked. Rejects for one that was renewed, and revoked before that was in. */
  commit(ctx: Context, data: SessionData): Awaitable<Committed | undefined> {
    return inTurn(data, () => this.#commit(ctx, data))
  }

  /** As {@link commit}, when there is a change that no commit before it has written, and the response has not failed. */
  commitChanges(ctx: Context, data: SessionData): Awaitable<Committed | undefined> {
    return inTurn(data, () =>
      data.pending > 0 && !data.isGivenUp ? this.#commit(ctx, data) : undefined,
    )
  }

  /** Deletes every row that the session is, or was, filed under, and those of the other tokens of its request; empties it. */
  destroy(ctx: Context, data: SessionData): Awaitable<void> {
    return inTurn(data, () => {
      const { rows, others, unreadable } = data
      const all = [...new Set([...rows, ...others, ...(unreadable ? [unreadable.storeToken] : [])])]
      const timeout = new Timeout(this.#options.storeTimeout)
      return andThen(timeout.wait(this.#store.deleteAll(ctx, all), 'delete'), () =>
        data.reset(this.#newDeadline()),
      )
    })
  }

  /** Gives the session a new token, under which the next commit files it. */
  renew(data: SessionData): Awaitable<void> {
    return inTurn(data, () => {
      if (data.status === 'revoked') throw revoked()
      const deadline = this.#newDeadline()
      data.apply((state) => {
        state.deadline = deadline
      })
      const { unreadable } = data
      if (unreadable) {
        data.rows = including(data.rows, unreadable.storeToken)
        data.absorbs = [...data.absorbs, { ...unreadable, state: undefined }]
        data.unreadable = undefined
      }
      this.#identify(data)
    })
  }

  /**
   * Takes another session in. With atomic methods nothing is written before the commit; otherwise the other's row goes at
   * once, as in SCS.
   */
  merge(ctx: Context, data: SessionData, token: string | undefined): Awaitable<void> {
    return inTurn(data, () => {
      if (data.status === 'revoked') throw revoked()
      if (!isWellFormedToken(token)) return
      const storeToken = this.#storeToken(token)
      return andThen(this.#reader.row(ctx, storeToken, false), (row) => {
        const found = row && this.#reader.understood(ctx, row)
        if (!found || !('state' in found) || isKnown(data, storeToken)) return
        const { data: bytes, state } = found
        if (this.#store.atomic) return data.absorb({ storeToken, data: bytes, state })
        data.merge(state)
        const timeout = new Timeout(this.#options.storeTimeout)
        return timeout.wait(this.#store.deleteAll(ctx, [storeToken]), 'delete')
      })
    })
  }

  /**
   * Every live session of the store. Rows that cannot be decoded are reported and skipped. Lets other work of the process
   * run in between.
   */
  async *all(ctx: Context): AsyncGenerator<SessionData, void> {
    const { sessions } = this.#store
    if (!sessions) {
      throw new SessionError(
        'ERR_SESSION_NOT_ITERABLE',
        'the store does not support iteration: it has none of scan, allCtx and all',
      )
    }
    const { storeTimeout } = this.#options
    const rows = await new Timeout(storeTimeout).wait(sessions(ctx), 'all')
    const turn = new Turn()
    for await (const [storeToken, bytes] of eachInTime(rows, storeTimeout)) {
      const state = this.#reader.decodeOrReport(ctx, bytes)
      if (state) {
        const token = this.#options.hashTokenInStore ? '' : storeToken
        yield filed(token, storeToken, { data: bytes, state })
      }
      if (turn.isOver) await turn.next()
    }
  }

  #commit(ctx: Context, data: SessionData): Awaitable<Committed | undefined> {
    // On a store without atomic methods, a renewal that failed may still be taken back.
    const isSpent = !this.#store.atomic && data.renewed && data.rows.includes(data.storeToken)
    if (isSpent || data.storeToken === '') this.#identify(data)
    return this.#writer.commit(ctx, data)
  }

  #fresh(): SessionData {
    return new SessionData(this.#newDeadline())
  }

  #loaded(token: string, storeToken: string, found: Found): SessionData {
    const data = filed(token, storeToken, found)
    if (this.#touchIsDue(data.deadline, found.expiry)) {
      data.touchDue = true
      data.status = 'modified'
    }
    return data
  }

  #touchIsDue(deadline: Date, expiry: Date | undefined): boolean {
    const { idleTimeout, touchInterval } = this.#options
    if (!idleTimeout) return false
    if (!expiry || touchInterval === 0) return true
    const early = this.#writer.expiryOf(deadline).getTime() - expiry.getTime()
    // Too late: the idle timeout was longer, or a clock ahead. By a minute it is none, so that machines do not write in turn.
    return early >= touchInterval || -early > Math.max(touchInterval, minute)
  }

  #identify(data: SessionData): void {
    const token = generateToken()
    data.identify(token, this.#storeToken(token))
  }

  #storeToken(token: string): string {
    return this.#options.hashTokenInStore ? hashToken(token) : token
  }

  #newDeadline(): Date {
    return new Date(Date.now() + this.#options.lifetime)
  }
}

/** What is under one of several tokens: a session, which may stand in for a row, or the error of one that cannot be read. */
type Seen = { readonly data: SessionData } | { readonly error: unknown }

function isUnreadable(error: unknown): boolean {
  return error instanceof SessionError && error.code === 'ERR_SESSION_UNREADABLE'
}

function filed(token: string, storeToken: string, { data: bytes, state }: Found): SessionData {
  const data = new SessionData(state.deadline, state.values, state.origin)
  data.identify(token, storeToken)
  data.filedAs(storeToken, bytes)
  return data
}

// Each step of a scan is a store call, with a limit of its own.
async function* eachInTime<T>(
  rows: AsyncIterable<T> | Iterable<T>,
  storeTimeout: number,
): AsyncGenerator<T, void> {
  if (Symbol.iterator in rows) return yield* rows
  const iterator = rows[Symbol.asyncIterator]()
  let isOver = false
  try {
    for (;;) {
      isOver = true
      const step = await new Timeout(storeTimeout).wait(iterator.next(), 'scan')
      isOver = step.done === true
      if (step.done) return
      yield step.value
    }
  } finally {
    // One that failed or hangs is not asked to clean up: its answer might never come.
    if (!isOver) await iterator.return?.()
  }
}

// This very session, also under a token that it is about to leave, or one that it takes in already.
function isKnown(data: SessionData, storeToken: string): boolean {
  return (
    data.storeToken === storeToken ||
    data.rows.includes(storeToken) ||
    data.absorbs.some((other) => other.storeToken === storeToken)
  )
}

// Runs `call` when the session's store calls before it are done; at once where nothing is in progress.
function inTurn<T>(data: SessionData, call: () => Awaitable<T>): Awaitable<T> {
  const result = data.turn ? data.turn.then(call) : call()
  if (!isThenable(result)) return result
  const done = () => {
    if (data.turn === turn) data.turn = undefined
  }
  const turn: PromiseLike<unknown> = result.then(done, done)
  data.turn = turn
  return result
}
