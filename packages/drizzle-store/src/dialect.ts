import type { Awaitable } from '@scs/core'

/**
 * What a dialect does for the store; everything else is the same for all. Tokens are well-formed,
 * dates in range.
 */
export interface Dialect {
  /** The queries answer at once, without a promise. */
  readonly isSync: boolean
  /** The most bytes of data that the column holds. */
  readonly maxData: number
  /** Asks what the server takes in one statement, where that can be less than a column holds. */
  statementLimit?(): Promise<StatementLimit>
  /**
   * Rows in a DELETE of the cleanup: so few that others wait for it, or run beside it, for a moment
   * only.
   */
  readonly batchSizes: BatchSizes
  /** Rows in a page of a scan: as many as are read without stopping the event loop for long. */
  readonly pageSizes: PageSizes
  readonly queries: Queries
  readonly schema: SchemaOfTable
}

/** How much session data the server takes in one statement. */
export interface StatementLimit {
  /** Bytes, of all data in the statement together. */
  readonly data: number
  /** Where that comes from, and what to raise: for messages. */
  readonly setting: string
}

/** The statements of the store. A row is live while its expiry is later than `now`. */
export interface Queries {
  find(token: string, now: Date): Awaitable<Pick<SessionRow, 'data'> | undefined>
  findWithExpiry(
    token: string,
    now: Date,
  ): Awaitable<Pick<SessionRow, 'data' | 'expiry'> | undefined>
  commit(row: SessionRow): Awaitable<unknown>
  delete(token: string): Awaitable<unknown>
  /**
   * Adds a row; `false` when there is one with its token, live or not. May fail with an error that
   * says so instead.
   */
  add(row: SessionRow): Awaitable<boolean>
  /** Whether there is a row with this token, live or not. */
  hasRow(token: string): Awaitable<boolean>
  replace(token: string, expected: Uint8Array, next: SessionRow, now: Date): Awaitable<boolean>
  /**
   * As `replace` of `from`, and other rows go in the same step, each only while it is live and
   * holds its bytes.
   */
  absorb(
    from: HeldRow,
    absorbed: readonly HeldRow[],
    next: SessionRow,
    now: Date,
  ): Awaitable<boolean>
  touch(token: string, expiry: Date, now: Date): Awaitable<boolean>
  /**
   * Live rows whose token sorts after `after`, at most `most`, within {@link Dialect.pageSizes}, in
   * the order of tokens.
   */
  page(
    after: string,
    now: Date,
    most: number,
  ): Awaitable<readonly Pick<SessionRow, 'token' | 'data'>[]>
  /**
   * Deletes the earliest of the rows that are not live, at most `most`, of
   * {@link Dialect.batchSizes}; gives their number.
   */
  deleteExpired(now: Date, most: number): Awaitable<number>
}

/** One session. */
export interface SessionRow {
  readonly token: string
  readonly data: Uint8Array
  readonly expiry: Date
}

/** One row of a swap, and the bytes that it must hold. */
export type HeldRow = Pick<SessionRow, 'token' | 'data'>

/** The table as the database has it. */
export interface SchemaOfTable {
  /** For messages. */
  readonly name: string
  /** `undefined`: there is no such table. */
  describe(): Promise<readonly DatabaseColumn[] | undefined>
  /**
   * The columns that {@link SchemaOfTable.create} would make, of which `describe` would tell the
   * same.
   */
  defined(): Promise<readonly DatabaseColumn[]>
  /** Creates table and indexes; quiet when another process was quicker. */
  create(): Promise<void>
  /** What is asked of the three columns. */
  readonly expected: Readonly<Record<'token' | 'data' | 'expiry', ExpectedColumn>>
  /** Columns that Drizzle fills in itself (`$defaultFn`), by their name in the database. */
  readonly filled: ReadonlySet<string>
}

/** A column as the database has it. */
export interface DatabaseColumn {
  readonly name: string
  /** As the database spells it, in lower case; on MySQL with the collation. */
  readonly type: string
  /** A row without a value for it is refused. */
  readonly isRequired: boolean
  /** It alone is the primary key or a unique key. */
  readonly isUnique: boolean
}

/** What is asked of one of the three columns. */
export interface ExpectedColumn {
  readonly name: string
  /** The type to recommend. */
  readonly type: string
  readonly accepts: (type: string) => boolean
}

/**
 * In ascending order: the first when there is time, one of the others in a flood of new sessions.
 */
export type BatchSizes = readonly [number, number, ...number[]]

/** A scan begins with the smallest page. */
export interface PageSizes {
  readonly least: number
  readonly most: number
}

/** Rows in a page of a scan at most: a compromise of round trips and memory. */
export const pageSize = 200
