import { randomBytes } from 'node:crypto'
import { background } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { createDatabase, isAvailable, openNew, select } from './databases.ts'
import {
  allDrivers,
  betterSqlite3,
  type Driver,
  libsql,
  mysqlPool,
  oneOfEach,
  postgresJs,
} from './drivers.ts'
import { startProcess } from './processes/run.ts'
import { sessionsOf } from './sessions-of.ts'

const ctx = background()

for (const driver of [postgresJs, mysqlPool, betterSqlite3, libsql]) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    it('ten processes that start at once create one table and all work', async () => {
      const database = await createDatabase(driver)
      try {
        const tokens = Array.from({ length: 10 }, () => randomBytes(32).toString('base64url'))
        const processes = tokens.map((token) =>
          startProcess('create-store.ts', [driver.name, database.address, token]),
        )
        await Promise.all(processes.map(({ ready }) => ready))
        for (const { go } of processes) go()
        const results = await Promise.all(processes.map(({ result }) => result))
        expect(results).toEqual(tokens.map((token) => ({ data: token })))

        const { db, close } = await driver.open(database.address, 1)
        const store = await DrizzleStore.create(db, { createTable: false, cleanupInterval: 0 })
        expect([...(await sessionsOf(store)).keys()].sort()).toEqual(tokens.sort())
        await close()
      } finally {
        await database.drop()
      }
    }, 300_000)
  })
}

for (const driver of oneOfEach) {
  describe.skipIf(!isAvailable(driver))(`${driver.name}, the default table`, () => {
    it('has the columns, the key and the index that the design names', async () => {
      const { db, close } = await openNew(driver)
      try {
        await DrizzleStore.create(db, { cleanupInterval: 0 })
        expect(await describeTable(driver, db)).toEqual(expected[driver.dialect])
      } finally {
        await close()
      }
    })
  })
}

for (const driver of allDrivers) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    it('a second store finds the table and its sessions, also without the right to create one', async () => {
      const { db, close } = await openNew(driver)
      try {
        const first = await DrizzleStore.create(db, { cleanupInterval: 0 })
        await first.commitCtx(ctx, 'a-token', Buffer.from('data'), new Date('2100-01-01'))
        const second = await DrizzleStore.create(db, { cleanupInterval: 0, createTable: false })
        expect(Buffer.from((await second.findCtx(ctx, 'a-token')) ?? '').toString()).toBe('data')
      } finally {
        await close()
      }
    })
  })
}

const expected = {
  pg: {
    columns: [
      { name: 'token', type: 'text', nullable: 'NO' },
      { name: 'data', type: 'bytea', nullable: 'NO' },
      { name: 'expiry', type: 'timestamp with time zone', nullable: 'NO' },
    ],
    indexes: ['sessions_expiry_idx', 'sessions_pkey'],
  },
  mysql: {
    columns: [
      { name: 'token', type: 'char(43) ascii_bin', nullable: 'NO' },
      { name: 'data', type: 'mediumblob', nullable: 'NO' },
      { name: 'expiry', type: 'datetime(6)', nullable: 'NO' },
    ],
    indexes: ['PRIMARY', 'sessions_expiry_idx'],
  },
  sqlite: {
    columns: [
      { name: 'token', type: 'TEXT', nullable: 'NO' },
      { name: 'data', type: 'BLOB', nullable: 'NO' },
      { name: 'expiry', type: 'REAL', nullable: 'NO' },
    ],
    indexes: ['sessions_expiry_idx', 'sqlite_autoindex_sessions_1'],
  },
}

async function describeTable(driver: Driver, db: Parameters<typeof select>[0]) {
  const catalog = {
    pg: {
      type: sql`data_type`,
      columns: sql`information_schema.columns where table_name = 'sessions' order by ordinal_position`,
      indexes: sql`pg_indexes where tablename = 'sessions' order by 1`,
      index: sql`indexname`,
    },
    mysql: {
      type: sql`concat_ws(' ', column_type, collation_name)`,
      columns: sql`information_schema.columns where table_schema = database() and table_name = 'sessions' order by ordinal_position`,
      indexes: sql`information_schema.statistics where table_schema = database() and table_name = 'sessions' order by 1`,
      index: sql`index_name`,
    },
    sqlite: {
      type: sql`upper(type)`,
      columns: sql`pragma_table_info('sessions') order by cid`,
      indexes: sql`pragma_index_list('sessions') order by 1`,
      index: sql`name`,
    },
  }[driver.dialect]
  const isSqlite = driver.dialect === 'sqlite'
  const columns = await select(
    db,
    {
      name: isSqlite ? sql`name` : sql`column_name`,
      type: catalog.type,
      nullable: isSqlite ? sql`case "notnull" when 1 then 'NO' else 'YES' end` : sql`is_nullable`,
    },
    catalog.columns,
  )
  const indexes = await select(db, { name: catalog.index }, catalog.indexes)
  return { columns, indexes: indexes.map(({ name }) => name) }
}
