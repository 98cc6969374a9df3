import { setImmediate as nextTurn } from 'node:timers/promises'
import { isUint8Array } from 'node:util/types'
import {
  type AtomicStore,
  type Awaitable,
  type Context,
  type CtxStore,
  checkedDuration,
  checkOptions,
  isWellFormedToken,
  minute,
  type OptionNames,
  type ScannableStore,
  type Swap,
} from '@scs/core'
import { Attempts } from './attempts.ts'
import { map } from './awaitable.ts'
import { Cleaner } from './cleaner.ts'
import { databaseError } from './database-error.ts'
import type { Dialect, SessionRow, StatementLimit } from './dialect.ts'
import { ensureTable } from './ensure-table.ts'
import { openDialect } from './open-dialect.ts'
import { nextPageSize } from './page-size.ts'
import { swapRows } from './swap-rows.ts'
import type { AnyDrizzleDatabase, SessionsTable } from './types.ts'

/** Options of {@link DrizzleStore.create}. */
export interface DrizzleStoreOptions<Db> {
  /**
   * The table, of the same dialect as the database: any name, `sessionColumns()` of
   * `@scs/drizzle-store/pg`, `/mysql` or `/sqlite`, and further columns that are nullable or have a
   * default; the store keeps what is in them.
   * @default `sessions` of the dialect
   */
  table?: SessionsTable<Db> | undefined
  /**
   * Create the table when it is absent, with the indexes of its definition; several processes may
   * do so at once. With `false` a missing table is an error of `create`: for tables that migrations
   * own. @default true
   */
  createTable?: boolean | undefined
  /**
   * Whether PostgreSQL's statements have names, so that a connection prepares each of them once.
   * `false` is for a pooler that gives each transaction another connection, such as PgBouncer in
   * transaction mode. A postgres.js client that was made with `prepare: false` needs no more than
   * that. Of no effect on MySQL, MariaDB and SQLite. @default true
   */
  prepare?: boolean | undefined
  /**
   * Milliseconds between two removals of expired sessions at most; 0: none. A removal comes sooner
   * when this store has added 1,000 sessions since the last one, or when that one found more than
   * 1,000 expired sessions. @default 5 * minute
   */
  cleanupInterval?: number | undefined
  /**
   * Hears what a removal in the background failed with; the next one tries again. @default
   * console.error
   */
  onCleanupError?: ((error: unknown) => void) | undefined
}

const optionNames: OptionNames<DrizzleStoreOptions<AnyDrizzleDatabase>> = {
  table: true,
  createTable: true,
  prepare: true,
  cleanupInterval: true,
  onCleanupError: true,
}

/**
 * Sessions in a table of PostgreSQL, MySQL, MariaDB or SQLite, through a database of Drizzle ORM.
 * The counterpart of SCS's `bunstore`, `gormstore` and stores of single databases.
 *
 * - Over a synchronous driver (better-sqlite3) the methods of one session answer at once, without a
 *   promise, save when the file is locked and the driver waits for less than half a second itself
 *   (its option `timeout`).
 * - Times are the application's, not the database's: of several machines, keep the clocks alike.
 * - When the database fails, the method rejects (throws, over a synchronous driver) with an Error
 *   that has the driver's `code`, `errno` and `sqlState` and says in fixed words what they mean; it
 *   has neither token nor data. The next call tries anew.
 * - After a deadlock, a lock wait timeout or a serialization failure, a method tries again, ten
 *   times at most. When an SQLite file is locked, it waits for as long as the driver's time-out
 *   says, or for half a second when that is longer, and fails then.
 * - A find or an iteration whose connection was lost is tried again at once, up to five times, as a
 *   pool may have several that the server has ended. What writes is not: it may have been done.
 * - An expiry before the year 1000 is kept as that year: it has passed. One after 9999, or an
 *   invalid Date, is a TypeError.
 */
export class DrizzleStore implements CtxStore, AtomicStore, ScannableStore {
  readonly #dialect: Dialect
  readonly #cleaner: Cleaner
  readonly #limit: StatementLimit
  readonly #attempts: Attempts

  /**
   * Opens the store over `db`, what `drizzle()` gives; of `withReplicas()` it uses the primary
   * alone. Creates the table if it is absent (see {@link DrizzleStoreOptions.createTable}), checks
   * it, and starts the cleanup in the background, whose timer does not keep the process alive.
   *
   * Rejects with a TypeError for a `db` or an option that cannot be; with an Error when the
   * database does not answer, when the table is missing and not to be created, and when sessions
   * cannot be kept in it, which says why.
   */
  static async create<Db extends AnyDrizzleDatabase>(
    db: Db,
    options: DrizzleStoreOptions<NoInfer<Db>> = {},
  ): Promise<DrizzleStore> {
    checkOptions('DrizzleStore', options, optionNames)
    const { createTable = true, onCleanupError = console.error } = options
    const interval = checkedDuration('cleanupInterval', options.cleanupInterval ?? 5 * minute)
    if (typeof createTable !== 'boolean') throw new TypeError('createTable must be true or false')
    if (typeof onCleanupError !== 'function') {
      throw new TypeError('onCleanupError must be a function')
    }
    const dialect = await openDialect(db, options.table, options.prepare)
    await ensureTable(dialect.schema, createTable)
    const limit = await limitOf(dialect)
    return new DrizzleStore(dialect, limit, interval, onCleanupError)
  }

  private constructor(
    dialect: Dialect,
    limit: StatementLimit,
    interval: number,
    onError: (error: unknown) => void,
  ) {
    // `private` is a word of TypeScript's: in JavaScript, a database may come here.
    if (typeof dialect?.queries !== 'object') {
      throw new TypeError('write await DrizzleStore.create(db) in place of new DrizzleStore(db)')
    }
    this.#dialect = dialect
    this.#limit = limit
    const deleteExpired = (expiredBy: Date, most: number) =>
      this.#run('delete expired sessions', ({ queries }) => queries.deleteExpired(expiredBy, most))
    this.#cleaner = new Cleaner(interval, dialect.batchSizes, deleteExpired, onError)
    this.#attempts = new Attempts(dialect)
  }

  findCtx(ctx: Context, token: string): Awaitable<Uint8Array | undefined> {
    if (!isWellFormedToken(token)) return undefined
    const query = ({ queries }: Dialect) => queries.find(token, now())
    return map(this.#attempts.read('find a session', query, ctx.signal), (row) => row?.data)
  }

  /**
   * Throws a TypeError for a malformed token, a RangeError for more data than the column holds or,
   * on MySQL and MariaDB, than the server's `max_allowed_packet` lets through.
   */
  commitCtx(_ctx: Context, token: string, data: Uint8Array, expiry: Date): Awaitable<unknown> {
    const row = this.#checked(token, data, expiry)
    if (row instanceof Error) return this.#reject(row)
    this.#cleaner.added()
    return this.#run('commit a session', ({ queries }) => queries.commit(row))
  }

  deleteCtx(_ctx: Context, token: string): Awaitable<unknown> {
    if (!isWellFormedToken(token)) return undefined
    return this.#run('delete a session', ({ queries }) => queries.delete(token))
  }

  findWithExpiry(
    ctx: Context,
    token: string,
  ): Awaitable<{ data: Uint8Array; expiry: Date } | undefined> {
    if (!isWellFormedToken(token)) return undefined
    const query = ({ queries }: Dialect) => queries.findWithExpiry(token, now())
    return this.#attempts.read('find a session', query, ctx.signal)
  }

  touch(_ctx: Context, token: string, expiry: Date): Awaitable<boolean> {
    if (!isWellFormedToken(token)) return false
    const date = storable(expiry)
    if (date instanceof Error) return this.#reject(date)
    return this.#run('touch a session', ({ queries }) => queries.touch(token, date, now()))
  }

  /**
   * One statement, whatever it does. A session that was absorbed is deleted on PostgreSQL. On the
   * other databases its row stays, without data and expired since the year 1000, until the cleanup.
   * A new session that absorbs takes the row of the first absorbed session, with the columns and
   * child rows that the application keeps there.
   *
   * Rejects with a TypeError for a malformed `swap.to.token`, and with a RangeError for more data
   * than {@link DrizzleStore.commitCtx} takes: here the data of all rows counts.
   */
  swap(_ctx: Context, swap: Swap): Awaitable<boolean> {
    const { from, to, absorbed } = swap
    const held = from ? [from, ...absorbed] : absorbed
    const next = this.#checked(to.token, to.data, to.expiry, ...held.map(({ data }) => data))
    if (next instanceof Error) return this.#reject(next)
    if (!held.every(({ token }) => isWellFormedToken(token))) return false
    if (!from) this.#cleaner.added()
    return this.#run('swap a session', ({ queries }) => swapRows(queries, swap, next, now()))
  }

  /**
   * Reads pages of up to 200 rows, in the order of tokens; stops between two when `ctx.signal` is
   * aborted. Other work of the process comes through between two pages, which are smaller where
   * reading one would stop the event loop for more than a few milliseconds (SQLite, large
   * sessions).
   */
  async *scan(ctx: Context): AsyncGenerator<readonly [token: string, data: Uint8Array], void> {
    const { pageSizes } = this.#dialect
    let after = ''
    let most = pageSizes.least
    for (;;) {
      ctx.signal?.throwIfAborted()
      const began = performance.now()
      const page = this.#attempts.read(
        'read the sessions',
        ({ queries }) => queries.page(after, now(), most),
        ctx.signal,
      )
      // A driver that reads a file itself has done so by now, also one that gives a promise.
      const blocked = performance.now() - began
      const rows = await page
      for (const row of rows) {
        after = row.token
        yield [row.token, row.data]
      }
      if (rows.length < most) return
      most = nextPageSize(most, blocked, pageSizes)
      await nextTurn()
    }
  }

  /**
   * Removes every session that has expired by now, and gives their number: one whole cleanup, for a
   * cron job. As the cleanup in the background, it does so in batches (of 10 rows on SQLite, of 100
   * elsewhere), with a pause of 39 times as long as each has taken. The pauses shrink, and the
   * batches grow, as it goes on; there are none when it has taken a quarter of the time since the
   * cleanup before, and 75 seconds at least for the first one. Waits for a cleanup in progress
   * first: in one store, there are never two at once. Keeps the process alive.
   * {@link DrizzleStore.stopCleanup} ends it early.
   */
  deleteExpired(): Promise<number> {
    return this.#cleaner.run(true)
  }

  /**
   * Ends the cleanup in the background, and waits for a run in progress, also of
   * {@link DrizzleStore.deleteExpired}: it ends after its current batch. Idempotent. The store goes
   * on working; the database is the caller's to close.
   */
  stopCleanup(): Promise<void> {
    return this.#cleaner.stop()
  }

  /** As {@link DrizzleStore.stopCleanup}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stopCleanup()
  }

  #checked(
    token: string,
    data: Uint8Array,
    expiry: Date,
    ...expected: readonly Uint8Array[]
  ): SessionRow | Error {
    if (!isWellFormedToken(token)) {
      return new TypeError('token must be 1 to 43 of the characters A-Z a-z 0-9 _ -')
    }
    if (!isUint8Array(data)) return new TypeError('data must be a Uint8Array')
    if (!expected.every(isUint8Array)) {
      return new TypeError('the expected data must be a Uint8Array')
    }
    const { maxData } = this.#dialect
    if (data.length > maxData) {
      return new RangeError(`data is ${data.length} bytes, and its column holds ${maxData}`)
    }
    let { length } = data
    for (const bytes of expected) length += bytes.length
    const room = Math.max(this.#limit.data - Math.max(expected.length - 1, 0) * roomForRow, 0)
    if (length > room) {
      return new RangeError(
        `the statement would have ${length} bytes of session data, and the database's ${this.#limit.setting} has room for ` +
          `${room}: raise it, or keep less in the session`,
      )
    }
    const date = storable(expiry)
    return date instanceof Error ? date : { token, data, expiry: date }
  }

  #run<T>(operation: string, query: (dialect: Dialect) => Awaitable<T>): Awaitable<T> {
    return this.#attempts.run(operation, query)
  }

  #reject(error: Error): Promise<never> {
    if (this.#dialect.isSync) throw error
    return Promise.reject(error)
  }
}

async function limitOf(dialect: Dialect): Promise<StatementLimit> {
  try {
    return (await dialect.statementLimit?.()) ?? { data: Number.POSITIVE_INFINITY, setting: '' }
  } catch (error) {
    throw databaseError('ask how long a statement may be', error, dialect.schema.name)
  }
}

function now(): Date {
  return new Date(Date.now())
}

// What an absorbed row adds to a statement besides its data, in bytes of data: these are sent as
// two characters each.
const roomForRow = 256

// MySQL's DATETIME begins with the year 1000 and ends with 9999.
const earliest = Date.UTC(1000, 0, 1)
const latest = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

function storable(expiry: Date): Date | Error {
  const time = typeof expiry?.getTime === 'function' ? expiry.getTime() : Number.NaN
  if (!(time <= latest)) {
    return new TypeError('expiry must be a valid Date, of the year 9999 at the latest')
  }
  return time < earliest ? new Date(earliest) : expiry
}
