import { customType, datetime, index, mysqlTable } from 'drizzle-orm/mysql-core'
import { bytes } from './bytes.ts'
import type { ColumnNames } from './column-names.ts'

// The server's default collation would take `ABC` for `abc`, and trailing spaces for none.
const tokenText = customType<{ data: string; driverData: string | Buffer }>({
  dataType: () => 'char(43) CHARACTER SET ascii COLLATE ascii_bin',
  // A Buffer is what a column of VARBINARY gives, which compares byte for byte as well.
  fromDriver: (value) => (typeof value === 'string' ? value : value.toString('latin1')),
})

// BLOB ends at 64 KiB.
const mediumblob = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'mediumblob',
  toDriver: bytes,
})

/**
 * The three columns of sessions in MySQL or MariaDB, for a table of one's own:
 * `mysqlTable('auth_sessions', { ...sessionColumns(), userId: int('user_id') })`. The properties
 * are always `token`, `data` and `expiry`; the names in the database are those given. Further
 * columns must be nullable or have a default; an index on `expiry` keeps the cleanup quick.
 * `expiry` is in UTC, whatever the time zone of process, session or server.
 */
export function sessionColumns(names: ColumnNames = {}) {
  return {
    token: tokenText(names.token ?? 'token').primaryKey(),
    data: mediumblob(names.data ?? 'data').notNull(),
    // TIMESTAMP ends in 2038 and moves with the time zone of the connection.
    expiry: datetime(names.expiry ?? 'expiry', { mode: 'date', fsp: 6 }).notNull(),
  }
}

/**
 * The table `sessions`, the default of a MySQL or MariaDB database: `token CHAR(43)` compared byte
 * for byte, `data MEDIUMBLOB`, `expiry DATETIME(6)` in UTC, and the index `sessions_expiry_idx`.
 * Re-export it from the schema for drizzle-kit to migrate.
 */
export const sessions = mysqlTable('sessions', sessionColumns(), (table) => [
  index('sessions_expiry_idx').on(table.expiry),
])
