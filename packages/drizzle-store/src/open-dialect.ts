import { entityKind } from 'drizzle-orm'
import type { Dialect } from './dialect.ts'

/**
 * The dialect of `given`, loaded only when it is used; of `withReplicas()` it is that of the
 * primary. Throws a TypeError when `given` is no database of Drizzle's, or `table` no table of
 * sessions of the same dialect.
 *
 * @param prepare whether PostgreSQL's statements have names, under which a connection keeps them
 */
export async function openDialect(
  given: unknown,
  table: unknown,
  prepare = true,
): Promise<Dialect> {
  const db = primaryOf(given)
  if (table !== undefined && !hasColumns(table)) {
    throw new TypeError('table must have the columns of sessionColumns(): token, data and expiry')
  }
  // As Drizzle's is(), by name: it works when there are two copies of Drizzle, and loads no
  // dialect.
  for (const kind of kinds(db)) {
    if (kind === 'PgDatabase')
      return (await import('./pg-dialect.ts')).pgDialect(db, table, prepare)
    if (kind === 'MySqlDatabase')
      return (await import('./mysql-dialect.ts')).mysqlDialect(db, table)
    if (kind === 'BaseSQLiteDatabase') {
      return (await import('./sqlite-dialect.ts')).sqliteDialect(db, table)
    }
  }
  throw new TypeError(
    'db must be what drizzle() of drizzle-orm gives for PostgreSQL, MySQL, MariaDB or SQLite',
  )
}

// A replica may not yet have the session that was just written.
function primaryOf(db: unknown): unknown {
  const { $primary } = (db ?? {}) as { $primary?: unknown }
  return $primary === undefined ? db : primaryOf($primary)
}

function hasColumns(table: unknown): boolean {
  if (typeof table !== 'object' || table === null) return false
  return 'token' in table && 'data' in table && 'expiry' in table
}

function* kinds(db: unknown): Generator<unknown> {
  if (typeof db !== 'object' || db === null) return
  for (let kind = db.constructor; typeof kind === 'function'; kind = Object.getPrototypeOf(kind)) {
    yield (kind as { [entityKind]?: unknown })[entityKind]
  }
}
