import type { AnyMySqlColumn, MySqlDatabase, MySqlTable } from 'drizzle-orm/mysql-core'
import type { AnyPgColumn, PgDatabase, PgTable } from 'drizzle-orm/pg-core'
import type { AnySQLiteColumn, BaseSQLiteDatabase, SQLiteTable } from 'drizzle-orm/sqlite-core'

// The parameters of Drizzle's databases (driver, schema) are invariant: only `any` accepts all of them.
// biome-ignore lint/suspicious/noExplicitAny: see above
type AnyPgDatabase = PgDatabase<any, any, any>
// biome-ignore lint/suspicious/noExplicitAny: see above
type AnyMySqlDatabase = MySqlDatabase<any, any, any, any>
// biome-ignore lint/suspicious/noExplicitAny: see above
type AnySQLiteDatabase = BaseSQLiteDatabase<any, any, any, any>

/**
 * What `drizzle()` gives for PostgreSQL, MySQL, MariaDB or SQLite, whatever the driver and the
 * schema.
 */
export type AnyDrizzleDatabase = AnyPgDatabase | AnyMySqlDatabase | AnySQLiteDatabase

/**
 * A table of PostgreSQL with the columns of `sessionColumns()` from `@scs/drizzle-store/pg`, and
 * any others.
 */
export type PgSessionsTable = PgTable & {
  readonly token: AnyPgColumn<{ data: string; notNull: true }>
  readonly data: AnyPgColumn<{ data: Uint8Array; notNull: true }>
  readonly expiry: AnyPgColumn<{ data: Date; notNull: true }>
}

/**
 * A table of MySQL with the columns of `sessionColumns()` from `@scs/drizzle-store/mysql`, and any
 * others.
 */
export type MySqlSessionsTable = MySqlTable & {
  readonly token: AnyMySqlColumn<{ data: string; notNull: true }>
  readonly data: AnyMySqlColumn<{ data: Uint8Array; notNull: true }>
  readonly expiry: AnyMySqlColumn<{ data: Date; notNull: true }>
}

/**
 * A table of SQLite with the columns of `sessionColumns()` from `@scs/drizzle-store/sqlite`, and
 * any others.
 */
export type SQLiteSessionsTable = SQLiteTable & {
  readonly token: AnySQLiteColumn<{ data: string; notNull: true }>
  readonly data: AnySQLiteColumn<{ data: Uint8Array; notNull: true }>
  readonly expiry: AnySQLiteColumn<{ data: Date; notNull: true }>
}

/**
 * The tables that a database of type `Db` can keep sessions in: a table of another dialect does not
 * compile.
 */
export type SessionsTable<Db> = Db extends AnyPgDatabase
  ? PgSessionsTable
  : Db extends AnyMySqlDatabase
    ? MySqlSessionsTable
    : Db extends AnySQLiteDatabase
      ? SQLiteSessionsTable
      : never
