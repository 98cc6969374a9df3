import type { PGlite } from '@electric-sql/pglite'
import type { Client } from '@libsql/client'
import type { AtomicStore, Awaitable, CtxStore, ScannableStore, SessionStore } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import * as mysqlStore from '@scs/drizzle-store/mysql'
import * as pgStore from '@scs/drizzle-store/pg'
import * as sqliteStore from '@scs/drizzle-store/sqlite'
import type SQLite from 'better-sqlite3'
import { relations } from 'drizzle-orm'
import { type BetterSQLite3Database, drizzle as betterSqlite3 } from 'drizzle-orm/better-sqlite3'
import { drizzle as libsql } from 'drizzle-orm/libsql'
import { int, mysqlTable } from 'drizzle-orm/mysql-core'
import { drizzle as mysql2 } from 'drizzle-orm/mysql2'
import { drizzle as nodePostgres } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { drizzle as pglite } from 'drizzle-orm/pglite'
import { type PostgresJsDatabase, drizzle as postgresJs } from 'drizzle-orm/postgres-js'
import { integer as sqliteInteger, sqliteTable } from 'drizzle-orm/sqlite-core'
import type { Connection, Pool } from 'mysql2/promise'
import type pg from 'pg'
import type postgres from 'postgres'
import { expectTypeOf, test } from 'vitest'

declare const clients: {
  postgres: postgres.Sql
  pool: pg.Pool
  pglite: PGlite
  mysqlPool: Pool
  mysqlConnection: Connection
  sqlite: SQLite.Database
  libsql: Client
}

const users = pgTable('users', { id: integer('id').primaryKey() })
const ofUser = relations(users, () => ({}))

const pgDbs = () =>
  [
    postgresJs({ client: clients.postgres }),
    postgresJs({ client: clients.postgres, schema: { users, ofUser } }),
    nodePostgres({ client: clients.pool, schema: { users } }),
    pglite({ client: clients.pglite }),
  ] as const
const mysqlDbs = () =>
  [
    mysql2({ client: clients.mysqlPool }),
    mysql2({ client: clients.mysqlConnection, schema: {}, mode: 'default' }),
  ] as const
const sqliteDbs = () =>
  [
    betterSqlite3({ client: clients.sqlite, schema: { sessions: sqliteStore.sessions } }),
    libsql({ client: clients.libsql }),
  ] as const

test('a store is one of @scs/core, with a context in every method', () => {
  expectTypeOf<DrizzleStore>().toExtend<SessionStore>()
  expectTypeOf<DrizzleStore>().toExtend<CtxStore & AtomicStore & ScannableStore & AsyncDisposable>()
  expectTypeOf<DrizzleStore>().not.toHaveProperty('find')
  expectTypeOf<DrizzleStore>().not.toHaveProperty('all')
  expectTypeOf<DrizzleStore['findCtx']>().returns.toEqualTypeOf<Awaitable<Uint8Array | undefined>>()
  expectTypeOf<DrizzleStore['deleteExpired']>().toEqualTypeOf<() => Promise<number>>()
  expectTypeOf<DrizzleStore['stopCleanup']>().toEqualTypeOf<() => Promise<void>>()
  // @ts-expect-error made by create alone
  new DrizzleStore()
})

test('create takes the database of every driver, with any schema', () => {
  for (const db of pgDbs())
    expectTypeOf(DrizzleStore.create(db)).resolves.toEqualTypeOf<DrizzleStore>()
  for (const db of mysqlDbs()) DrizzleStore.create(db)
  for (const db of sqliteDbs()) DrizzleStore.create(db, {})
  // @ts-expect-error the driver's client is no database of Drizzle's
  DrizzleStore.create(clients.postgres)
  // @ts-expect-error nor is a URL
  DrizzleStore.create('postgres://localhost')
})

test('the table follows the database', () => {
  const [pgDb] = pgDbs()
  const [mysqlDb] = mysqlDbs()
  const [sqliteDb, libsqlDb] = sqliteDbs()
  DrizzleStore.create(pgDb, { table: pgStore.sessions })
  DrizzleStore.create(mysqlDb, { table: mysqlStore.sessions })
  DrizzleStore.create(sqliteDb, { table: sqliteStore.sessions })
  DrizzleStore.create(libsqlDb, { table: sqliteStore.sessions })

  // @ts-expect-error a table of SQLite on PostgreSQL
  DrizzleStore.create(pgDb, { table: sqliteStore.sessions })
  // @ts-expect-error a table of MySQL on PostgreSQL
  DrizzleStore.create(pgDb, { table: mysqlStore.sessions })
  // @ts-expect-error a table of PostgreSQL on MySQL
  DrizzleStore.create(mysqlDb, { table: pgStore.sessions })
  // @ts-expect-error a table of SQLite on MySQL
  DrizzleStore.create(mysqlDb, { table: sqliteStore.sessions })
  // @ts-expect-error a table of PostgreSQL on SQLite
  DrizzleStore.create(sqliteDb, { table: pgStore.sessions })
  // @ts-expect-error a table of MySQL on SQLite
  DrizzleStore.create(libsqlDb, { table: mysqlStore.sessions })
})

test("a table of the user's own has the columns of sessionColumns, and any others", () => {
  const [pgDb] = pgDbs()
  const table = pgTable('auth_sessions', {
    ...pgStore.sessionColumns({ token: 'sid', data: 'payload', expiry: 'expires_at' }),
    userId: integer('user_id').references(() => users.id),
  })
  expectTypeOf<typeof table.$inferSelect>().toEqualTypeOf<{
    token: string
    data: Uint8Array
    expiry: Date
    userId: number | null
  }>()
  DrizzleStore.create(pgDb, { table })
  const [mysqlDb] = mysqlDbs()
  DrizzleStore.create(mysqlDb, {
    table: mysqlTable('auth', { ...mysqlStore.sessionColumns(), userId: int('user_id') }),
  })
  const [sqliteDb] = sqliteDbs()
  DrizzleStore.create(sqliteDb, {
    table: sqliteTable('auth', {
      ...sqliteStore.sessionColumns({ token: undefined }),
      userId: sqliteInteger('user_id'),
    }),
  })

  // @ts-expect-error no column of sessions
  DrizzleStore.create(pgDb, { table: users })
  const textual = pgTable('textual', {
    token: text('token').primaryKey(),
    data: text('data').notNull(),
    expiry: timestamp('expiry', { withTimezone: true }).notNull(),
  })
  // @ts-expect-error data that is text
  DrizzleStore.create(pgDb, { table: textual })
  // @ts-expect-error an option that there is not
  DrizzleStore.create(pgDb, { tableName: 'auth_sessions' })
  // @ts-expect-error a column that there is not
  pgStore.sessionColumns({ id: 'id' })
})

test('a function over any database of a dialect passes its table on', () => {
  function open(db: PostgresJsDatabase<Record<string, unknown>>) {
    return DrizzleStore.create(db, { table: pgStore.sessions })
  }
  function openSqlite<Schema extends Record<string, unknown>>(db: BetterSQLite3Database<Schema>) {
    return DrizzleStore.create(db)
  }
  expectTypeOf(open).returns.resolves.toEqualTypeOf<DrizzleStore>()
  expectTypeOf(openSqlite).returns.resolves.toEqualTypeOf<DrizzleStore>()
})

test('every option may be undefined', () => {
  const [pgDb] = pgDbs()
  DrizzleStore.create(pgDb, {
    table: undefined,
    createTable: undefined,
    cleanupInterval: undefined,
    onCleanupError: undefined,
  })
})
