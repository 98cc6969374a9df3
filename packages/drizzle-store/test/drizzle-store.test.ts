import { background, withSignal } from '@scs/core'
import { type AnyDrizzleDatabase, DrizzleStore } from '@scs/drizzle-store'
import { sessions } from '@scs/drizzle-store/sqlite'
import SQLite from 'better-sqlite3'
import { type Logger, sql } from 'drizzle-orm'
import { drizzle as betterSqlite } from 'drizzle-orm/better-sqlite3'
import { Cache } from 'drizzle-orm/cache/core'
import { withReplicas as mysqlReplicas } from 'drizzle-orm/mysql-core'
import { drizzle as mysql2 } from 'drizzle-orm/mysql2'
import { drizzle as nodePostgres } from 'drizzle-orm/node-postgres'
import { withReplicas as pgReplicas } from 'drizzle-orm/pg-core'
import { withReplicas as sqliteReplicas } from 'drizzle-orm/sqlite-core'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import { describe, expect, it, vi } from 'vitest'
import { moved, over } from '../../../test/swaps.ts'
import { createDatabase, isAvailable, openNew, select } from './databases.ts'
import {
  betterSqlite3,
  type Driver,
  drivers,
  mysqlPool,
  nodePostgres as nodePostgresDriver,
} from './drivers.ts'
import { sessionsOf } from './sessions-of.ts'

const ctx = background()
const data = new TextEncoder().encode('data')
const other = new TextEncoder().encode('other')
const future = new Date('2100-01-01T00:00:00.123Z')

describe('construction', () => {
  it('is by create: new DrizzleStore(db) says so', async () => {
    const { db, close } = await openNew(betterSqlite3)
    for (const args of [[db], [db, {}], []]) {
      expect(() => Reflect.construct(DrizzleStore, args)).toThrow(
        new TypeError('write await DrizzleStore.create(db) in place of new DrizzleStore(db)'),
      )
    }
    await close()
  })

  it.each<[string, unknown, string]>([
    ['tableName', { tableName: 'x' }, 'DrizzleStore has no option tableName: did you mean table?'],
    [
      'cleanupinterval',
      { cleanupinterval: 0 },
      'DrizzleStore has no option cleanupinterval: did you mean cleanupInterval?',
    ],
    [
      'a table in their place',
      sessions,
      'the options of DrizzleStore must be an object, such as { table: … }; it is an instance of SQLiteTable',
    ],
    [
      'null in their place',
      null,
      'the options of DrizzleStore must be an object, such as { table: … }; it is null',
    ],
    ['createTable', { createTable: 'no' }, 'createTable must be true or false'],
    ['onCleanupError', { onCleanupError: 'log' }, 'onCleanupError must be a function'],
    ['table, by its name', { table: 'sessions' }, 'table must have the columns of'],
  ])('rejects with a TypeError for an option that cannot be: %s', async (_what, given, message) => {
    const { db, close } = await openNew(betterSqlite3)
    const error = await DrizzleStore.create(db, given as object).catch((error) => error)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain(message)
    await close()
  })
})

describe('over better-sqlite3', () => {
  it('the methods of one session answer at once', async () => {
    const { db, close } = await openNew(betterSqlite3)
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    expect(store.findCtx(ctx, 'a')).toBeUndefined()
    expect(store.commitCtx(ctx, 'a', data, future)).not.toHaveProperty('then')
    expect(store.findCtx(ctx, 'a')).toEqual(Buffer.from(data))
    expect(store.findWithExpiry(ctx, 'a')).toEqual({ data: Buffer.from(data), expiry: future })
    expect(store.swap(ctx, over('a', data, other, future))).toBe(true)
    expect(store.touch(ctx, 'a', future)).toBe(true)
    expect(store.swap(ctx, moved('a', 'b', other, data, future))).toBe(true)
    expect(store.deleteCtx(ctx, 'b')).not.toHaveProperty('then')
    expect(store.findCtx(ctx, 'b')).toBeUndefined()
    expect(() => store.commitCtx(ctx, 'not a token', data, future)).toThrow(TypeError)
    await close()
  })

  it('SCS in Go, or julianday(), finds the same moment in the column', async () => {
    const { db, close } = await openNew(betterSqlite3)
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    await store.commitCtx(ctx, 'a', data, future)
    const time = sql`strftime('%Y-%m-%d %H:%M:%f', expiry)`
    expect(await select(db, { time, type: sql`typeof(expiry)` }, sql`sessions`)).toEqual([
      { time: '2100-01-01 00:00:00.123', type: 'real' },
    ])
    await close()
  })
})

type WithReplicas = (primary: never, replicas: [never]) => AnyDrizzleDatabase

const replicated: readonly (readonly [Driver, WithReplicas])[] = [
  [nodePostgresDriver, pgReplicas],
  [mysqlPool, mysqlReplicas],
  [betterSqlite3, sqliteReplicas],
]

for (const [driver, withReplicas] of replicated) {
  describe.skipIf(!isAvailable(driver))(`${driver.name}, withReplicas()`, () => {
    it('sessions are written to the primary and read from it, never from a replica', async () => {
      const primary = await openNew(driver)
      const replica = await openNew(driver)
      // With another session under the token, which a find must not give.
      const lagging = await DrizzleStore.create(replica.db, { cleanupInterval: 0 })
      await lagging.commitCtx(ctx, 'a', other, future)
      const db = withReplicas(primary.db as never, [replica.db as never])
      const store = await DrizzleStore.create(db, { cleanupInterval: 0 })

      expect(await store.findCtx(ctx, 'a')).toBeUndefined()
      await store.commitCtx(ctx, 'a', data, future)
      expect(await store.findCtx(ctx, 'a')).toEqual(Buffer.from(data))
      expect((await store.findWithExpiry(ctx, 'a'))?.data).toEqual(Buffer.from(data))
      expect(await store.swap(ctx, over('a', data, data, future))).toBe(true)
      const row = { token: 'a', data }
      const to = { ...row, expiry: future }
      expect(await store.swap(ctx, { from: row, to, absorbed: [] })).toBe(true)
      await store.commitCtx(ctx, 'b', data, future)
      const absorbed = [{ token: 'b', data }]
      expect(await store.swap(ctx, { from: row, to, absorbed })).toBe(true)
      expect(await store.touch(ctx, 'a', future)).toBe(true)
      expect([...(await sessionsOf(store)).values()]).toEqual([Buffer.from(data)])
      expect(await store.deleteExpired()).toBe(driver.dialect === 'pg' ? 0 : 1)
      await store.deleteCtx(ctx, 'a')
      expect(await lagging.findCtx(ctx, 'a')).toEqual(Buffer.from(other))
      await primary.close()
      await replica.close()
    })
  })
}

for (const driver of drivers) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    it('every millisecond of a second comes back as it was', async () => {
      const { db, close } = await openNew(driver)
      const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
      const start = Date.UTC(2031, 4, 6, 7, 8, 9)
      const wrong: string[] = []
      for (let time = start; time < start + 1000; time += 7) {
        await store.commitCtx(ctx, 'a', data, new Date(time))
        const found = await store.findWithExpiry(ctx, 'a')
        if (found?.expiry.getTime() !== time) wrong.push(`${time}: ${found?.expiry.getTime()}`)
      }
      expect(wrong).toEqual([])
      await close()
    })

    it('the clock is the application’s', async () => {
      const { db, close } = await openNew(driver)
      const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
      try {
        await store.commitCtx(ctx, 'a', data, future)
        vi.useFakeTimers({ toFake: ['Date'], now: future.getTime() - 1 })
        expect(await store.findCtx(ctx, 'a')).toBeDefined()
        vi.setSystemTime(future)
        expect(await store.findCtx(ctx, 'a')).toBeUndefined()
        expect(await store.findWithExpiry(ctx, 'a')).toBeUndefined()
        expect(await store.touch(ctx, 'a', new Date('2200-01-01'))).toBe(false)
        expect(await store.swap(ctx, over('a', data, other, new Date('2200-01-01')))).toBe(false)
        expect(await sessionsOf(store)).toEqual(new Map())
      } finally {
        vi.useRealTimers()
        await close()
      }
    })

    it('an aborted client ends a scan between two pages', async () => {
      const { db, close } = await openNew(driver)
      const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
      for (let n = 0; n < 201; n++) await store.commitCtx(ctx, `t${n}`, data, future)
      const controller = new AbortController()
      let seen = 0
      const scan = async () => {
        for await (const _ of store.scan(withSignal(ctx, controller.signal))) {
          seen++
          controller.abort(new Error('gone'))
        }
      }
      await expect(scan()).rejects.toThrow('gone')
      // SQLite begins with a small page.
      expect(seen).toBe(driver.dialect === 'sqlite' ? 1 : 200)
      expect((await sessionsOf(store)).size).toBe(201)
      await close()
    })
  })
}

describe.skipIf(!isAvailable(mysqlPool))('over a connection that counts changed rows only', () => {
  it('an update that changes nothing has found its session all the same', async () => {
    const database = await createDatabase(mysqlPool)
    const client = createPool({ uri: database.address, flags: ['-FOUND_ROWS'] })
    const db = mysql2({ client })
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    await store.commitCtx(ctx, 'a', data, future)
    expect(await store.swap(ctx, over('a', data, data, future))).toBe(true)
    expect(await store.swap(ctx, over('a', other, other, future))).toBe(false)
    expect(await store.swap(ctx, over('a', other, data, future))).toBe(false)
    expect(await store.swap(ctx, over('b', data, data, future))).toBe(false)
    expect(await store.swap(ctx, moved('a', 'a', data, data, future))).toBe(true)
    expect(await store.touch(ctx, 'a', future)).toBe(true)
    expect(await store.touch(ctx, 'b', future)).toBe(false)
    expect(await store.swap(ctx, moved('a', 'c', data, data, future))).toBe(true)
    expect(await store.swap(ctx, moved('a', 'd', data, data, future))).toBe(false)
    await client.end()
    await database.drop()
  })

  it('a touch that changes nothing has found its session, also when another moves the expiry just then', async () => {
    const database = await createDatabase(mysqlPool)
    const client = createPool({ uri: database.address, flags: ['-FOUND_ROWS'] })
    const elsewhere = createPool({ uri: database.address })
    const store = await DrizzleStore.create(mysql2({ client }), { cleanupInterval: 0 })
    const second = await DrizzleStore.create(mysql2({ client: elsewhere }), { cleanupInterval: 0 })
    await store.commitCtx(ctx, 'a', data, future)
    const later = new Date(future.getTime() + 1000)
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>
    client.query = (async (...args: unknown[]) => {
      const answer = await query(...args)
      client.query = query as typeof client.query
      await second.touch(ctx, 'a', later)
      return answer
    }) as typeof client.query
    expect(await store.touch(ctx, 'a', future)).toBe(true)
    expect((await store.findWithExpiry(ctx, 'a'))?.expiry).toEqual(later)
    await client.end()
    await elsewhere.end()
    await database.drop()
  })
})

describe.skipIf(!isAvailable(nodePostgresDriver))('over node-postgres', () => {
  it('prepares each query once for a connection, and stores over several tables share it', async () => {
    const database = await createDatabase(nodePostgresDriver)
    const client = new pg.Pool({ connectionString: database.address, max: 1 })
    const db = nodePostgres({ client })
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    const same = await DrizzleStore.create(db, { cleanupInterval: 0 })
    for (let n = 0; n < 5; n++) {
      await store.commitCtx(ctx, 'a', data, future)
      await same.findCtx(ctx, 'a')
      await store.findCtx(ctx, 'a')
      await store.touch(ctx, 'a', future)
    }
    const { rows } = await client.query(
      `select name from pg_prepared_statements where name like 'scs%'`,
    )
    expect(rows).toHaveLength(3)
    await client.end()
    await database.drop()
  })
})

describe('a cache of Drizzle’s', () => {
  // Answers every query that it may with what it kept first.
  class Stale extends Cache {
    readonly #kept = new Map<string, unknown[]>()
    override strategy() {
      return 'all' as const
    }
    override async get(key: string) {
      return this.#kept.get(key)
    }
    override async put(key: string, response: unknown) {
      this.#kept.set(key, response as unknown[])
    }
    override async onMutate() {}
  }

  it.skipIf(!isAvailable(nodePostgresDriver))('never answers for a session', async () => {
    const database = await createDatabase(nodePostgresDriver)
    const client = new pg.Pool({ connectionString: database.address })
    const db = nodePostgres({ client, cache: new Stale() })
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    await store.commitCtx(ctx, 'a', data, future)
    expect(await store.findCtx(ctx, 'a')).toEqual(Buffer.from(data))
    await store.commitCtx(ctx, 'a', other, future)
    expect(await store.findCtx(ctx, 'a')).toEqual(Buffer.from(other))
    await store.deleteCtx(ctx, 'a')
    expect(await store.findCtx(ctx, 'a')).toBeUndefined()
    await client.end()
    await database.drop()
  })
})

describe('queries', () => {
  it('a malformed token reaches no database', async () => {
    const database = await createDatabase(betterSqlite3)
    const client = new SQLite(database.address)
    const logQuery = vi.fn<Logger['logQuery']>()
    const store = await DrizzleStore.create(betterSqlite({ client, logger: { logQuery } }))
    logQuery.mockClear()
    for (const malformed of ['', ' ', 'a\0', 'é', 'a'.repeat(44)]) {
      await store.findCtx(ctx, malformed)
      await store.findWithExpiry(ctx, malformed)
      await store.deleteCtx(ctx, malformed)
      await store.touch(ctx, malformed, future)
      await store.swap(ctx, moved(malformed, 'a', data, other, future))
    }
    expect(logQuery).not.toHaveBeenCalled()
    await store.stopCleanup()
    client.close()
    await database.drop()
  })
})
