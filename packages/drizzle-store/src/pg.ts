import { customType, index, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { bytes } from './bytes.ts'
import type { ColumnNames } from './column-names.ts'

const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  toDriver: bytes,
})

/**
 * The three columns of sessions in PostgreSQL, for a table of one's own:
 * `pgTable('auth_sessions', { ...sessionColumns(), userId: integer('user_id') })`. The properties
 * are always `token`, `data` and `expiry`; the names in the database are those given. Further
 * columns must be nullable or have a default; an index on `expiry` keeps the cleanup quick.
 */
export function sessionColumns(names: ColumnNames = {}) {
  return {
    token: text(names.token ?? 'token').primaryKey(),
    data: bytea(names.data ?? 'data').notNull(),
    expiry: timestamp(names.expiry ?? 'expiry', { withTimezone: true, mode: 'date' }).notNull(),
  }
}

/**
 * The table `sessions`, the default of a PostgreSQL database: `token TEXT PRIMARY KEY`,
 * `data BYTEA`, `expiry TIMESTAMPTZ`, and the index `sessions_expiry_idx`. Re-export it from the
 * schema for drizzle-kit to migrate.
 */
export const sessions = pgTable('sessions', sessionColumns(), (table) => [
  index('sessions_expiry_idx').on(table.expiry),
])
