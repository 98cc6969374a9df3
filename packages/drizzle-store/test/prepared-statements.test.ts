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
  })
}
