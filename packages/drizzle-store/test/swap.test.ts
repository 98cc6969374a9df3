import { background, type Swap } from '@scs/core'
import { type AnyDrizzleDatabase, DrizzleStore } from '@scs/drizzle-store'
import { cases } from '@scs/store-tests'
import { sql } from 'drizzle-orm'
import { drizzle as mysql2 } from 'drizzle-orm/mysql2'
import { createPool } from 'mysql2/promise'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { countedDrivers } from './counted-drivers.ts'
import { createDatabase, isAvailable, openNew, select } from './databases.ts'
import { betterSqlite3, drivers, mysqlPool, nodePostgres } from './drivers.ts'
import { sessionsOf } from './sessions-of.ts'

const ctx = background()
const future = new Date('2100-01-01')
const row = (token: string) => ({ token, data: Buffer.from(`data of ${token}`) })
const to = (token: string) => ({ ...row(token), data: Buffer.from('swapped'), expiry: future })

async function commitAll(store: DrizzleStore, ...tokens: string[]): Promise<void> {
  for (const token of tokens) await store.commitCtx(ctx, token, row(token).data, future)
}

async function rowsOf(db: AnyDrizzleDatabase): Promise<unknown[]> {
  const rows = await select(db, { token: sql`token` }, sql`sessions`)
  return rows.map(({ token }) => token).sort()
}

for (const driver of drivers) {
  describe.skipIf(!isAvailable(driver))(`${driver.name}, swap`, () => {
    async function open() {
      const opened = await openNew(driver)
      onTestFinished(opened.close)
      const store = await DrizzleStore.create(opened.db, { cleanupInterval: 0 })
      return { ...opened, store }
    }

    it('the cleanup removes what is left of absorbed sessions, which no clock finds', async () => {
      const { db, store } = await open()
      await commitAll(store, 'a', 'b', 'c', 'd')
      const absorbed = [row('b'), row('c'), row('d')]
      expect(await store.swap(ctx, { from: row('a'), to: to('e'), absorbed })).toBe(true)
      const left = driver.dialect === 'pg' ? [] : ['b', 'c', 'd']
      expect(await rowsOf(db)).toEqual([...left, 'e'])

      vi.spyOn(Date, 'now').mockReturnValue(Date.UTC(2001, 0, 1))
      onTestFinished(() => void vi.restoreAllMocks())
      for (const { token } of absorbed) expect(await store.findCtx(ctx, token)).toBeUndefined()
      expect([...(await sessionsOf(store)).keys()]).toEqual(['e'])
      expect(await store.deleteExpired()).toBe(left.length)
      expect(await rowsOf(db)).toEqual(['e'])
    })

    it('a new session takes the row of the first session that it absorbs, with the columns of the application', async () => {
      const { db, run, store } = await open()
      await run(sql`alter table sessions add column user_id integer`)
      await commitAll(store, 'a', 'b')
      await run(sql`update sessions set user_id = 4 where token = 'a'`)
      const swap = { from: undefined, to: to('c'), absorbed: [row('a'), row('b')] }
      expect(await store.swap(ctx, swap)).toBe(true)
      const columns = { token: sql`token`, userId: sql`user_id` }
      const live = sql`sessions where token = 'c'`
      expect(await select(db, columns, live)).toEqual([{ token: 'c', userId: 4 }])
    })

    it('a token that is taken is false, and another unique column of the table an error', async () => {
      const { run, store } = await open()
      await run(sql`alter table sessions add column place integer default 1`)
      await run(sql`create unique index only_one on sessions (place)`)
      await commitAll(store, 'a')
      await run(sql`update sessions set place = 2`)
      await commitAll(store, 'b')
      for (const from of [undefined, row('a')]) {
        for (const expiry of [new Date('2001-01-01'), future]) {
          await store.touch(ctx, 'b', expiry)
          expect(await store.swap(ctx, { from, to: to('b'), absorbed: [] })).toBe(false)
        }
      }
      const failure = async () => store.swap(ctx, { from: undefined, to: to('c'), absorbed: [] })
      await expect(failure()).rejects.toThrow(
        /could not swap a session: .* because of a constraint/,
      )
      await run(sql`update sessions set place = 3 where token = 'b'`)
      expect(await failure()).toBe(true)
    })

    it('a malformed token is no session, and none is written under one', async () => {
      const { db, store } = await open()
      await commitAll(store, 'a')
      const malformed = row('not a token')
      const swaps: readonly Swap[] = [
        { from: malformed, to: to('b'), absorbed: [] },
        { from: row('a'), to: to('b'), absorbed: [malformed] },
        { from: undefined, to: to('b'), absorbed: [malformed] },
      ]
      for (const swap of swaps) expect(await store.swap(ctx, swap)).toBe(false)
      const written = async () =>
        store.swap(ctx, { from: row('a'), to: to('not a token'), absorbed: [] })
      await expect(written()).rejects.toThrow(
        new TypeError('token must be 1 to 43 of the characters A-Z a-z 0-9 _ -'),
      )
      expect(await rowsOf(db)).toEqual(['a'])
    })
  })
}

for (const { driver, open } of countedDrivers) {
  describe.skipIf(!isAvailable(driver))(`${driver.name}, statements of swap`, () => {
    it('are one each, and two when the token is taken', async () => {
      const database = await createDatabase(driver)
      let count = 0
      const { db, close } = await open(database.address, () => count++)
      onTestFinished(async () => {
        await close()
        await database.drop()
      })
      const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
      const counted = async (swap: Swap) => {
        count = 0
        return [await store.swap(ctx, swap), count]
      }
      await commitAll(store, 'a', 'b', 'c', 'd', 'e', 'f')
      const moved = { ...to('g'), data: row('g').data }
      expect(await counted({ from: undefined, to: to('new'), absorbed: [] })).toEqual([true, 1])
      expect(await counted({ from: row('a'), to: moved, absorbed: [] })).toEqual([true, 1])
      expect(await counted({ from: row('g'), to: moved, absorbed: [row('b')] })).toEqual([true, 1])
      expect(await counted({ from: row('g'), to: moved, absorbed: [row('b')] })).toEqual([false, 1])
      const two = [row('c'), row('d')]
      expect(await counted({ from: undefined, to: to('h'), absorbed: two })).toEqual([true, 1])
      const [, taken] = await counted({ from: row('e'), to: to('f'), absorbed: [] })
      expect(taken).toBe(2)
    })
  })
}

describe('better-sqlite3, swap', () => {
  it('answers at once', async () => {
    const { db, close } = await openNew(betterSqlite3)
    onTestFinished(close)
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    await commitAll(store, 'a', 'b', 'c')
    expect(store.swap(ctx, { from: undefined, to: to('d'), absorbed: [] })).toBe(true)
    expect(store.swap(ctx, { from: row('a'), to: to('d'), absorbed: [] })).toBe(false)
    expect(store.swap(ctx, { from: row('a'), to: to('e'), absorbed: [row('b')] })).toBe(true)
    expect(store.swap(ctx, { from: undefined, to: to('f'), absorbed: [row('c')] })).toBe(true)
  })
})

describe('swaps at once, at each isolation level', () => {
  const race = cases.filter(({ name }) => name.startsWith('swap') && name.includes('one step'))

  for (const level of ['read committed', 'repeatable read', 'serializable']) {
    it.skipIf(!isAvailable(nodePostgres))(`${level} on PostgreSQL`, async () => {
      const database = await createDatabase(nodePostgres)
      const address = new URL(database.address)
      const option = `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`
      address.searchParams.set('options', option)
      const { db, close } = await nodePostgres.open(address.href)
      onTestFinished(async () => {
        await close()
        await database.drop()
      })
      const setting = sql`current_setting('transaction_isolation')`
      expect(await select(db, { level: setting }, sql`(select 1) as one`)).toEqual([{ level }])
      const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
      for (const { run } of race) await run({ store })
    })

    it.skipIf(!isAvailable(mysqlPool))(`${level} on MariaDB`, async () => {
      const database = await createDatabase(mysqlPool)
      const client = createPool(database.address)
      client.on('connection', (connection) => {
        connection.query(`set session transaction isolation level ${level}`)
      })
      onTestFinished(async () => {
        await client.end()
        await database.drop()
      })
      const store = await DrizzleStore.create(mysql2({ client }), { cleanupInterval: 0 })
      for (const { run } of race) await run({ store })
    })
  }

  it('there are two cases for it', () => {
    expect(race).toHaveLength(2)
  })
})
