import { type Awaitable, andThen, isThenable, orElse } from './awaitable.ts'
import type { Context } from './context.ts'
import { minute } from './duration.ts'
import { SessionError } from './errors.ts'
import { excluding, including, none } from './few.ts'
import type { CheckedOptions } from './options.ts'
import { revoked, SessionData } from './session-data.ts'
import { type Found, SessionReader } from './session-reader.ts'
import { type Committed, SessionWriter } from './session-writer.ts'
import { StoreAccess } from './store-access.ts'
import { TimeLimit } from './time-limit.ts'
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
  /** Rows of the other tokens that a session was loaded with: not in its data, as most have none. */
  readonly #others = new WeakMap<SessionData, readonly string[]>()

  constructor(options: CheckedOptions) {
    this.#options = options
    this.#store = new StoreAccess(options.store)
    this.#reader = new SessionReader(options, this.#store)
    this.#writer = new SessionWriter(options, this.#store, this.#reader)
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
      this.#others.set(data, excluding(rows, data.storeToken))
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
      const isThere = 'error' in seen || seen.data.standsInFor !== undefined
      return this.#openFirst(ctx, others, passedOver ?? (isThere ? seen : undefined))
    })
  }

  #openOne(ctx: Context, token: string | undefined): Awaitable<SessionData> {
    if (!isWellFormedToken(token)) return this.#fresh()
    const storeToken = this.#storeToken(token)
    const withExpiry = Boolean(this.#options.idleTimeout)
    return andThen(this.#reader.find(ctx, storeToken, withExpiry), (found) => {
      const isUsable = found && found !== 'unreadable' && !found.state.isClaimed
      if (isUsable) return this.#loaded(token, storeToken, found)
      const fresh = this.#fresh()
      if (found) fresh.standsInFor = storeToken
      return fresh
    })
  }

  /** Writes the session; `undefined` when it has been revoked. Rejects for one that was renewed, and revoked before that was in. */
  commit(ctx: Context, data: SessionData): Awaitable<Committed | undefined> {
    return inTurn(data, () => this.#commit(ctx, data))
  }

  /** As {@link commit}, when there is a change that no commit before it has written. */
  commitChanges(ctx: Context, data: SessionData): Awaitable<Committed | undefined> {
    return inTurn(data, () => (data.pending > 0 ? this.#commit(ctx, data) : undefined))
  }

  /** Deletes every row that the session is, or was, filed under, and those of the other tokens of its request; empties it. */
  destroy(ctx: Context, data: SessionData): Awaitable<void> {
    return inTurn(data, () => {
      const rows = [data.rows, data.standsInFor ?? none, this.#others.get(data) ?? none].flat()
      const limit = new TimeLimit(this.#options.storeTimeout)
      return andThen(limit.apply(this.#store.deleteAll(ctx, rows), 'delete'), () => {
        this.#others.delete(data)
        data.reset(this.#newDeadline())
      })
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
      if (data.standsInFor !== undefined) {
        data.rows = including(data.rows, data.standsInFor)
        data.leftovers = including(data.leftovers, data.standsInFor)
      }
      data.standsInFor = undefined
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
        if (!found || found === 'unreadable' || isKnown(data, storeToken)) return
        // Another has it: there is no such session just now.
        if (found.state.isClaimed) return
        const { data: bytes, state } = found
        const other = { storeToken, bytes, state, claims: [], settled: false }
        data.merge(other)
        if (this.#store.atomic) {
          data.merges = [...data.merges, other]
          return
        }
        const limit = new TimeLimit(this.#options.storeTimeout)
        return limit.apply(this.#store.deleteAll(ctx, [storeToken]), 'delete')
      })
    })
  }

  /**
   * Every live session of the store, also those that another is taking in: they may come back, and whoever ends sessions
   * must not miss them. Rows that cannot be decoded are reported and passed over. Other work of the process comes through.
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
    const rows = await new TimeLimit(storeTimeout).apply(sessions(ctx), 'all')
    const turn = new Turn()
    for await (const [storeToken, bytes] of eachInTime(rows, storeTimeout)) {
      const state = this.#reader.decodeOrReport(ctx, bytes)
      if (state && state !== 'unreadable') {
        const token = this.#options.hashTokenInStore ? '' : storeToken
        yield filed(token, storeToken, { data: bytes, state })
      }
      if (turn.isOver) await turn.next()
    }
  }

  #commit(ctx: Context, data: SessionData): Awaitable<Committed | undefined> {
    // A token whose commit has failed is given up: that one may still be done, and overwrite; on a store without
    // atomic methods, it may still be taken back.
    const isOpen = this.#store.atomic ? data.stored === undefined : data.renewed
    const again = isOpen && data.rows.includes(data.storeToken)
    if (again || data.storeToken === '') this.#identify(data)
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
  data.filedAs(storeToken, bytes, state.isClaimed)
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
      const limit = new TimeLimit(storeTimeout)
      isOver = true
      const step = await limit.apply(iterator.next(), 'scan')
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
    data.merges.some((other) => other.storeToken === storeToken)
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
