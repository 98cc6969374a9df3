import { sessionColumns } from '@scs/drizzle-store/sqlite'
import { index, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** The store's columns and one of the application's own: nullable, as a session begins before somebody signs in. */
export const userSessions = sqliteTable(
  'user_sessions',
  { ...sessionColumns(), userId: text('user_id') },
  (table) => [
    index('user_sessions_expiry_idx').on(table.expiry),
    index('user_sessions_user_id_idx').on(table.userId),
  ],
)
