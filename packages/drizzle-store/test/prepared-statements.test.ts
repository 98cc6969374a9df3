import { background, SessionManager } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, isAvailable, select, type TestDatabase } from './databases.ts'
import {
  betterSqlite3,
  type Driver,
  mysqlPool,
  nodePostgres,
  type Opened,
  postgresJs,
} from './drivers.ts'

const ctx = background()

/** How many statements have been prepared on the one connection; `begin` is called when it is new. */
interface Counter {
  begin?(opened: Opened): void
  count(opened: Opened): Promise<number>
}

const onPostgres: Counter = {
  async count({ db }) {
    // Those of requests: not of opening the store, nor this one.
    const from = sql`pg_prepared_statements where statement ~ 'sessions' and statement !~ 'pg_'`
    const [row] = await select(db, { count: sql`count(*)` }, from)
    return Number(row?.count)
  },
}

const onMariadb: Counter = {
  async count({ run }) {
    const result = await run(sql`show session status like 'Com_stmt_prepare'`)
    const [[row]] = result as [[{ Value: string }]]
    return Number(row.Value)
  },
}

function onSqlite(): Counter {
  let prepared = 0
  return {
    begin({ db }) {
      const { $client } = db as unknown as { $client: { prepare(text: string): unknown } }
      const prepare = $client.prepare.bind($client)
      $client.prepare = (text) => {
        prepared++
        return prepare(text)
      }
    },
    count: async () => prepared,
  }
}

// The three: find, the upsert of a new session, and the compare-and-swap of all other writes.
const expected: readonly (readonly [Driver, Counter, number, string])[] = [
  [nodePostgres, onPostgres, 3, 'are prepared once on each connection'],
  [postgresJs, onPostgres, 3, 'are prepared once on each connection'],
  // Drizzle sends by `query`, which puts the values into the text.
  [mysqlPool, onMariadb, 0, 'are not prepared'],
  [betterSqlite3, onSqlite(), 3, 'are prepared once'],
]

for (const [driver, counter, count, what] of expected) {
  describe.skipIf(!isAvailable(driver))(`on ${driver.name}`, () => {
    let database: TestDatabase
    let opened: Opened

    beforeAll(async () => {
      database = await createDatabase(driver)
      opened = await driver.open(database.address, 1)
    })
    afterAll(async () => {
      await opened?.close()
      await database?.drop()
    })

    it(`statements ${what}, be it one request or a hundred`, async () => {
      const store = await DrizzleStore.create(opened.db, { cleanupInterval: 0 })
      counter.begin?.(opened)
      const manager = new SessionManager({ store })
      let token = ''
      const write = async (n: number) => {
        const ctx = await manager.load(background(), token)
        if (n % 2 === 0) await manager.renewToken(ctx)
        manager.put(ctx, 'n', n)
        token = (await manager.commit(ctx))?.token ?? ''
      }
      await write(-2)
      await write(-1)
      await write(0)
      expect(await counter.count(opened)).toBe(count)
      for (let n = 1; n <= 100; n++) await write(n)
      expect(await counter.count(opened)).toBe(count)
    })

    it(`those of swap ${what}, for each number of absorbed sessions`, async () => {
      const store = await DrizzleStore.create(opened.db, { cleanupInterval: 0 })
      const data = Buffer.from('data')
      const expiry = new Date('2100-01-01')
      const absorb = async (n: number, count: number) => {
        const rows = [...'abcd'].slice(0, count + 1).map((name) => ({ token: name + n, data }))
        const [first, ...absorbed] = rows
        for (const { token } of rows) await store.commitCtx(ctx, token, data, expiry)
        const to = { token: `e${n}-${count}`, data, expiry }
        expect(await store.swap(background(), { from: first, to, absorbed })).toBe(true)
        const added = { ...to, token: `f${n}-${count}` }
        expect(await store.swap(background(), { from: undefined, to: added, absorbed: [] })).toBe(
          true,
        )
      }
      for (const count of [0, 1, 2, 3]) await absorb(0, count)
      const prepared = await counter.count(opened)
      for (let n = 1; n <= 5; n++) for (const count of [0, 1, 2, 3]) await absorb(n, count)
      expect(await counter.count(opened)).toBe(prepared)
    })
  })
}
