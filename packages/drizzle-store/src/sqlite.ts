import { customType, index, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { bytes } from './bytes.ts'
import type { ColumnNames } from './column-names.ts'

const unixEpoch = 2_440_587.5
const day = 86_400_000

const blob = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'blob',
  toDriver: bytes,
})

// SCS's form, and that of SQLite's julianday(): days since noon of 24 November 4714 BC. In the
// years of the store a double keeps it to 0.1 ms, so that milliseconds come back exactly.
const julianDay = customType<{ data: Date; driverData: number }>({
  dataType: () => 'real',
  toDriver: (date) => date.getTime() / day + unixEpoch,
  fromDriver: (value) => new Date(Math.round((value - unixEpoch) * day)),
})

/**
 * The three columns of sessions in SQLite, for a table of one's own:
 * `sqliteTable('auth_sessions', { ...sessionColumns(), userId: integer('user_id') })`. The
 * properties are always `token`, `data` and `expiry`; the names in the database are those given.
 * Further columns must be nullable or have a default; an index on `expiry` keeps the cleanup quick.
 * `expiry` is a Julian day, as of SQLite's `julianday()`.
 */
export function sessionColumns(names: ColumnNames = {}) {
  return {
    token: text(names.token ?? 'token').primaryKey(),
    data: blob(names.data ?? 'data').notNull(),
    expiry: julianDay(names.expiry ?? 'expiry').notNull(),
  }
}

/**
 * The table `sessions`, the default of an SQLite database: `token TEXT PRIMARY KEY`, `data BLOB`,
 * `expiry REAL` as a Julian day, and the index `sessions_expiry_idx`. Re-export it from the schema
 * for drizzle-kit to migrate.
 */
export const sessions = sqliteTable('sessions', sessionColumns(), (table) => [
  index('sessions_expiry_idx').on(table.expiry),
])
