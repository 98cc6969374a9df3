import { background } from '@scs/core'
import { type AnyDrizzleDatabase, DrizzleStore } from '@scs/drizzle-store'
import * as mysql from '@scs/drizzle-store/mysql'
import * as pg from '@scs/drizzle-store/pg'
import * as sqlite from '@scs/drizzle-store/sqlite'
import { sql } from 'drizzle-orm'
import * as my from 'drizzle-orm/mysql-core'
import * as p from 'drizzle-orm/pg-core'
import { drizzle } from 'drizzle-orm/postgres-js'
import * as s from 'drizzle-orm/sqlite-core'
import postgres from 'postgres'
import { describe, expect, it } from 'vitest'
import { moved, over } from '../../../test/swaps.ts'
import { createDatabase, isAvailable, openNew, select } from './databases.ts'
import { drivers, oneOfEach, postgresJs } from './drivers.ts'
import { sessionsOf } from './sessions-of.ts'

const names = { token: 'sid', data: 'Payload', expiry: 'expires at' }
const inAYear = new Date(Date.now() + 365 * 24 * 3600 * 1000)
const bytes = (text: string) => new TextEncoder().encode(text)
const ctx = background()
let made = 0

const users = {
  pg: p.pgTable('users', { id: p.integer('id').primaryKey() }),
  mysql: my.mysqlTable('users', { id: my.int('id').primaryKey() }),
  sqlite: s.sqliteTable('users', { id: s.integer('id').primaryKey() }),
}

// Other names, and each kind of further column and constraint that the store can create.
const authSessions = {
  pg: p.pgTable(
    'auth_sessions',
    {
      ...pg.sessionColumns(names),
      userId: p.integer('user_id').references(() => users.pg.id, { onDelete: 'cascade' }),
      device: p.text('device').default("it's unknown").notNull(),
      since: p.timestamp('since').default(new Date(0)).notNull(),
      seen: p.integer('seen').default(sql`1 + 1`),
      big: p.bigint('big', { mode: 'bigint' }).default(9007199254740993n),
      serial: p.text('serial').unique(),
    },
    (table) => [
      p.index('auth_expiry').on(table.expiry.desc()),
      p.uniqueIndex('auth_user_device').on(table.userId, table.serial),
      p.unique('auth_unique').on(table.serial, table.device),
      p.check('auth_seen', sql`${table.seen} > 0`),
    ],
  ),
  mysql: my.mysqlTable(
    'auth_sessions',
    {
      ...mysql.sessionColumns(names),
      userId: my.int('user_id').references(() => users.mysql.id, { onDelete: 'cascade' }),
      device: my.varchar('device', { length: 50 }).default("it's unknown").notNull(),
      since: my.datetime('since').default(new Date(0)).notNull(),
      seen: my.int('seen').default(sql`2`),
      big: my.bigint('big', { mode: 'bigint' }).default(9007199254740993n),
      serial: my.varchar('serial', { length: 50 }).unique(),
    },
    (table) => [
      my.index('auth_expiry').on(table.expiry),
      my.uniqueIndex('auth_user_device').on(table.userId, table.serial),
      my.unique('auth_unique').on(table.serial, table.device),
      my.check('auth_seen', sql`seen > 0`),
    ],
  ),
  sqlite: s.sqliteTable(
    'auth_sessions',
    {
      ...sqlite.sessionColumns(names),
      userId: s.integer('user_id').references(() => users.sqlite.id, { onDelete: 'cascade' }),
      device: s.text('device').default("it's unknown").notNull(),
      since: s.integer('since', { mode: 'timestamp' }).default(new Date(0)).notNull(),
      seen: s.integer('seen').default(sql`2`),
      big: s.integer('big').default(9007199254),
      serial: s.text('serial').unique(),
    },
    (table) => [
      s.index('auth_expiry').on(table.expiry),
      s.uniqueIndex('auth_user_device').on(table.userId, table.serial),
      s.unique('auth_unique').on(table.serial, table.device),
      s.check('auth_seen', sql`${table.seen} > 0`),
    ],
  ),
}

// A value of the user's for every row, made by a function.
const numbered = {
  pg: p.pgTable('numbered', {
    ...pg.sessionColumns(),
    nr: p
      .text('nr')
      .$defaultFn(() => `nr ${++made}`)
      .notNull()
      .unique(),
  }),
  mysql: my.mysqlTable('numbered', {
    ...mysql.sessionColumns(),
    nr: my
      .varchar('nr', { length: 50 })
      .$defaultFn(() => `nr ${++made}`)
      .notNull()
      .unique(),
  }),
  sqlite: s.sqliteTable('numbered', {
    ...sqlite.sessionColumns(),
    nr: s
      .text('nr')
      .$defaultFn(() => `nr ${++made}`)
      .notNull()
      .unique(),
  }),
}

function create(db: AnyDrizzleDatabase, table: object): Promise<DrizzleStore> {
  // The tests go through the dialects; that a table of another does not compile is in types.test-d.ts.
  return DrizzleStore.create(db, { table: table as never, cleanupInterval: 0 })
}

for (const driver of drivers) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    it("creates the user's table as it is defined, and keeps further columns and child rows", async () => {
      const { db, run, close } = await openNew(driver)
      try {
        await run(sql`create table users (id integer primary key)`)
        await run(sql`insert into users values (7)`)
        const store = await create(db, authSessions[driver.dialect])
        await store.commitCtx(ctx, 'a', bytes('first'), inAYear)
        const columns = { seen: sql`seen`, device: sql`device`, big: sql`big` }
        const [fresh] = await select(db, columns, sql`auth_sessions`)
        expect(Number(fresh?.seen)).toBe(2)
        expect(fresh?.device).toBe("it's unknown")

        const type = driver.dialect === 'mysql' ? mysql.sessions.token.getSQLType() : 'text'
        await run(sql`create table notes (sid ${sql.raw(type)} not null,
          foreign key (sid) references auth_sessions (sid) on delete cascade on update cascade)`)
        await run(sql`insert into notes values ('a')`)
        await run(sql`update auth_sessions set user_id = 7, device = 'phone', seen = 3`)

        await store.commitCtx(ctx, 'a', bytes('second'), inAYear)
        expect(await store.swap(ctx, over('a', bytes('second'), bytes('third'), inAYear))).toBe(
          true,
        )
        expect(await store.touch(ctx, 'a', inAYear)).toBe(true)
        expect(
          await store.swap(ctx, moved('a', 'b', bytes('third'), bytes('fourth'), inAYear)),
        ).toBe(true)

        const kept = { sid: sql`sid`, userId: sql`user_id`, device: sql`device`, seen: sql`seen` }
        expect(await select(db, kept, sql`auth_sessions`)).toEqual([
          { sid: 'b', userId: 7, device: 'phone', seen: 3 },
        ])
        expect(await select(db, { sid: sql`sid` }, sql`notes`)).toEqual([{ sid: 'b' }])
        expect(Buffer.from((await store.findCtx(ctx, 'b')) ?? '').toString()).toBe('fourth')
        expect([...(await sessionsOf(store)).keys()]).toEqual(['b'])

        await run(sql`delete from users where id = 7`)
        expect(await store.findCtx(ctx, 'b')).toBeUndefined()
        await expect(run(sql`update auth_sessions set seen = 0`)).resolves.toBeDefined()
        await store.commitCtx(ctx, 'c', bytes('x'), inAYear)
        await expect(run(sql`update auth_sessions set seen = 0`)).rejects.toThrow()
      } finally {
        await close()
      }
    })
  })
}

for (const driver of oneOfEach) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    it('calls a function of a column for each row', async () => {
      const { db, close } = await openNew(driver)
      try {
        const store = await create(db, numbered[driver.dialect])
        await store.commitCtx(ctx, 'a', bytes('1'), inAYear)
        await store.commitCtx(ctx, 'b', bytes('2'), inAYear)
        await store.commitCtx(ctx, 'a', bytes('3'), inAYear)
        const rows = await select(db, { nr: sql`nr` }, sql`numbered order by token`)
        expect(new Set(rows.map(({ nr }) => nr)).size).toBe(2)
        expect(Buffer.from((await store.findCtx(ctx, 'a')) ?? '').toString()).toBe('3')
      } finally {
        await close()
      }
    })

    it('does not create half of a table, and says which part it cannot create', async () => {
      const generated = {
        pg: p.pgTable(
          'special',
          { ...pg.sessionColumns(), nr: p.integer('nr').generatedAlwaysAsIdentity() },
          (table) => [p.index('special_lower').on(sql`lower(${table.token})`)],
        ),
        mysql: my.mysqlTable('special', {
          ...mysql.sessionColumns(),
          nr: my.int('nr').generatedAlwaysAs(sql`1`),
        }),
        sqlite: s.sqliteTable('special', {
          ...sqlite.sessionColumns(),
          nr: s.integer('nr').generatedAlwaysAs(sql`1`),
        }),
      }
      const { db, close } = await openNew(driver)
      try {
        await expect(create(db, generated[driver.dialect])).rejects.toThrow(
          /cannot create the table "special", which has a generated column \(nr\).*drizzle-kit.*createTable: false/,
        )
        await expect(
          DrizzleStore.create(db, {
            table: generated[driver.dialect] as never,
            createTable: false,
          }),
        ).rejects.toThrow('does not exist')
      } finally {
        await close()
      }
    })
  })
}

describe.skipIf(!isAvailable(postgresJs))('PostgreSQL', () => {
  it('keeps sessions in a schema of the user’s, with the casing of the database', async () => {
    const database = await createDatabase(postgresJs)
    const client = postgres(database.address, { fetch_types: false })
    try {
      const db = drizzle({ client, casing: 'snake_case' })
      await client`create schema "my ""schema"`
      const table = p.pgSchema('my "schema').table('Web Sessions', {
        ...pg.sessionColumns(),
        userName: p.text(),
      })
      const store = await DrizzleStore.create(db, { table, cleanupInterval: 0 })
      await store.commitCtx(ctx, 'a', bytes('1'), inAYear)
      expect(await client`select token, user_name from "my ""schema"."Web Sessions"`).toEqual([
        { token: 'a', user_name: null },
      ])
      expect(await store.touch(ctx, 'a', new Date(0))).toBe(true)
      expect(await store.deleteExpired()).toBe(1)
    } finally {
      await client.end()
      await database.drop()
    }
  })

  it('leaves to migrations what it cannot create', async () => {
    const { db, close } = await openNew(postgresJs)
    const columns = { ...pg.sessionColumns(), n: p.integer('n') }
    try {
      for (const [table, what] of [
        [p.pgTable('t', columns).enableRLS(), 'row level security'],
        [p.pgTable('t', columns, () => [p.pgPolicy('mine')]), 'row level security'],
        [p.pgTable('t', columns, (t) => [p.primaryKey({ columns: [t.token, t.n] })]), 'several'],
        [p.pgTable('t', columns, (t) => [p.index('i').on(sql`lower(${t.token})`)]), '(i)'],
        [p.pgTable('t', columns, (t) => [p.index('i').on(t.n).where(sql`n > 0`)]), '(i)'],
        [p.pgTable('t', columns, (t) => [p.index('i').using('hash', t.n)]), '(i)'],
        [p.pgTable('t', columns, (t) => [p.index('i').on(t.n.op('int4_ops'))]), '(i)'],
        [p.pgTable('t', columns, (t) => [p.index().on(t.n)]), '(without a name)'],
      ] as const) {
        await expect(create(db, table)).rejects.toThrow(what)
      }
      expect(await select(db, { name: sql`relname` }, sql`pg_class where relname = 't'`)).toEqual(
        [],
      )
    } finally {
      await close()
    }
  })

  it('creates what has no name of its own under the names that drizzle-kit gives', async () => {
    const { db, close } = await openNew(postgresJs)
    const table = p.pgTable(
      't',
      { ...pg.sessionColumns(), n: p.integer('n').unique(), m: p.integer('m').default(1) },
      (t) => [
        p.unique().on(t.n, t.m),
        p.foreignKey({ columns: [t.m], foreignColumns: [t.n] }).onUpdate('cascade'),
        p.uniqueIndex('i').on(t.n.desc().nullsFirst()),
      ],
    )
    try {
      await create(db, table)
      const names = await select(
        db,
        { name: sql`conname` },
        sql`pg_constraint where conrelid = 't'::regclass order by 1`,
      )
      expect(names.map(({ name }) => name)).toEqual([
        't_m_t_n_fk',
        't_n_m_unique',
        't_n_unique',
        't_pkey',
      ])
    } finally {
      await close()
    }
  })
})
