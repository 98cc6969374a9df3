import { background } from '@scs/core'
import { type AnyDrizzleDatabase, DrizzleStore } from '@scs/drizzle-store'
import * as mysql from '@scs/drizzle-store/mysql'
import * as pg from '@scs/drizzle-store/pg'
import * as sqlite from '@scs/drizzle-store/sqlite'
import { sql } from 'drizzle-orm'
import * as my from 'drizzle-orm/mysql-core'
import * as p from 'drizzle-orm/pg-core'
import * as s from 'drizzle-orm/sqlite-core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isAvailable, openNew } from './databases.ts'
import { type DialectName, mysqlPool, oneOfEach } from './drivers.ts'

const ctx = background()
const bytea = p.customType<{ data: Uint8Array }>({ dataType: () => 'BYTEA' })
const mysqlBlob = (type: string) => my.customType<{ data: Uint8Array }>({ dataType: () => type })
const blob = s.customType<{ data: Uint8Array }>({ dataType: () => 'BLOB' })

const pgColumns = pg.sessionColumns()
const mysqlColumns = mysql.sessionColumns()
const sqliteColumns = sqlite.sessionColumns()

/** Tables in which no session could be kept, with the fault; then those of other types that serve as well. */
const wrong: Readonly<Record<DialectName, readonly (readonly [table: unknown, fault: RegExp])[]>> =
  {
    pg: [
      [
        p.pgTable('t', { ...pgColumns, userId: p.integer('user_id').notNull() }),
        /"user_id" must be nullable or have a default/,
      ],
      [
        p.pgTable('t', { ...pgColumns, token: p.varchar('token', { length: 32 }).primaryKey() }),
        /"token" is of type character varying\(32\) and must be text/,
      ],
      [p.pgTable('t', { ...pgColumns, token: p.text('token').notNull() }), /"token" must be the/],
      [
        p.pgTable('t', { ...pgColumns, token: p.char('token', { length: 43 }).primaryKey() }),
        /"token" is of type character\(43\)/,
      ],
      [
        p.pgTable('t', { ...pgColumns, expiry: p.timestamp('expiry', { precision: 3 }).notNull() }),
        /"expiry" is of type timestamp\(3\) without time zone/,
      ],
      [
        p.pgTable('t', {
          ...pgColumns,
          expiry: p.timestamp('expiry', { precision: 0, withTimezone: true }).notNull(),
        }),
        /"expiry" is of type timestamp\(0\) with time zone/,
      ],
      [
        p.pgTable('t', { ...pgColumns, data: p.text('data').notNull() }),
        /"data" is of type text and must be bytea/,
      ],
    ],
    mysql: [
      [
        my.mysqlTable('t', { ...mysqlColumns, userId: my.int('user_id').notNull() }),
        /"user_id" must be nullable or have a default/,
      ],
      [
        my.mysqlTable('t', {
          ...mysqlColumns,
          token: my.varchar('token', { length: 43 }).primaryKey(),
        }),
        /"token" is of type varchar\(43\) \w+ and must be char\(43\)/,
      ],
      [
        my.mysqlTable('t', { ...mysqlColumns, data: mysqlBlob('BLOB')('data').notNull() }),
        /"data" is of type blob and must be mediumblob/,
      ],
      [
        my.mysqlTable('t', {
          ...mysqlColumns,
          expiry: my.timestamp('expiry', { fsp: 6 }).notNull(),
        }),
        /"expiry" is of type timestamp\(6\) and must be datetime\(6\)/,
      ],
      [
        my.mysqlTable('t', { ...mysqlColumns, expiry: my.datetime('expiry').notNull() }),
        /"expiry" is of type datetime and/,
      ],
    ],
    sqlite: [
      [
        s.sqliteTable('t', { ...sqliteColumns, userId: s.integer('user_id').notNull() }),
        /"user_id" must be nullable or have a default/,
      ],
      [
        s.sqliteTable('t', {
          ...sqliteColumns,
          expiry: s.integer('expiry', { mode: 'timestamp' }).notNull(),
        }),
        /"expiry" is of type integer and must be real/,
      ],
      [
        s.sqliteTable('t', { ...sqliteColumns, token: s.text('token').notNull() }),
        /"token" must be/,
      ],
      [
        s.sqliteTable('t', { ...sqliteColumns, data: s.text('data').notNull() }),
        /"data" is of type text and must be blob/,
      ],
    ],
  }

const right: Readonly<Record<DialectName, readonly unknown[]>> = {
  pg: [
    p.pgTable('t', pgColumns),
    p.pgTable('t', {
      token: p.varchar('token', { length: 43 }).notNull().unique(),
      data: bytea('data').notNull(),
      expiry: p.timestamp('expiry', { precision: 3, withTimezone: true }).notNull(),
      n: p.serial('n'),
    }),
    p.pgTable('t', { ...pgColumns, token: p.varchar('token').notNull() }, (table) => [
      p.unique().on(table.token),
    ]),
    p.pgTable('t', { ...pgColumns, token: p.text('token').notNull() }, (table) => [
      p.uniqueIndex('t_token').on(table.token),
    ]),
    p.pgTable('t', {
      ...pgColumns,
      n: p
        .integer('n')
        .notNull()
        .$defaultFn(() => 1),
    }),
  ],
  mysql: [
    my.mysqlTable('t', mysqlColumns),
    my.mysqlTable('t', {
      ...mysqlColumns,
      token: my.varbinary('token', { length: 64 }).notNull().unique(),
      data: mysqlBlob('LONGBLOB')('data').notNull(),
      expiry: my.datetime('expiry', { fsp: 3 }).notNull(),
    }),
    my.mysqlTable('t', {
      ...mysqlColumns,
      n: my
        .int('n')
        .notNull()
        .$defaultFn(() => 1),
    }),
  ],
  sqlite: [
    s.sqliteTable('t', sqliteColumns),
    s.sqliteTable('t', {
      n: s.integer('n').primaryKey(),
      token: s.text('token', { length: 43 }).notNull().unique(),
      data: blob('data').notNull(),
      expiry: sqliteColumns.expiry,
    }),
    s.sqliteTable('t', {
      ...sqliteColumns,
      n: s
        .integer('n')
        .notNull()
        .$defaultFn(() => 1),
    }),
  ],
}

for (const driver of oneOfEach) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    const create = (db: AnyDrizzleDatabase, table: unknown) =>
      DrizzleStore.create(db, { table: table as never, cleanupInterval: 0 })

    it('a definition in which no session could be kept creates nothing, and says what to change', async () => {
      const { db, close } = await openNew(driver)
      onTestFinished(close)
      for (const [table, fault] of wrong[driver.dialect]) {
        const message = await create(db, table).then(
          () => 'none',
          (error) => String(error),
        )
        expect(message).toMatch(fault)
        expect(message).toMatch(/^Error: DrizzleStore cannot keep sessions in the table "t" as the/)
        expect(message).toMatch(/Nothing was created/)
      }
      // Corrected, and under the same name.
      const store = await create(db, right[driver.dialect][0])
      await store.commitCtx(ctx, 'a', Buffer.from('data'), new Date('2100-01-01'))
    })

    it('a definition of other types that serve as well is created, and taken', async () => {
      const { db, run, close } = await openNew(driver)
      onTestFinished(close)
      for (const table of right[driver.dialect]) {
        const store = await create(db, table)
        await store.commitCtx(ctx, 'a', Buffer.from('data'), new Date('2100-01-01'))
        expect(String(await store.findCtx(ctx, 'a'))).toBe('data')
        await create(db, table)
        await run(sql`drop table t`)
      }
    })
  })
}

describe.skipIf(!isAvailable(mysqlPool))('a MariaDB whose default is a binary collation', () => {
  it('takes a token without a collation of its own', async () => {
    const { db, run, address, close } = await openNew(mysqlPool)
    onTestFinished(close)
    const name = new URL(address).pathname.slice(1)
    await run(sql.raw(`alter database ${name} character set utf8mb4 collate utf8mb4_bin`))
    const table = my.mysqlTable('t', {
      ...mysqlColumns,
      token: my.varchar('token', { length: 43 }).primaryKey(),
    })
    const store = await DrizzleStore.create(db as never, {
      table: table as never,
      cleanupInterval: 0,
    })
    expect(await store.findCtx(ctx, 'a')).toBeUndefined()
  })
})
