// The names of columns, for tables of one's own
export type { ColumnNames } from './column-names.ts'
// The store
export { DrizzleStore, type DrizzleStoreOptions } from './drizzle-store.ts'
// Which databases and tables it takes
export type {
  AnyDrizzleDatabase,
  MySqlSessionsTable,
  PgSessionsTable,
  SessionsTable,
  SQLiteSessionsTable,
} from './types.ts'
