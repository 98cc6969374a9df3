import { background, hour } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import SQLite from 'better-sqlite3'
import { type SQL, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createDatabase, isAvailable, openNew, select } from './databases.ts'
import { betterSqlite3, drivers, libsql, type Opened, oneOfEach } from './drivers.ts'

const ctx = background()
const rest = vi.hoisted(() => vi.fn())
vi.mock('node:timers/promises', async (original) => {
  const timers = await original<typeof import('node:timers/promises')>()
  return { ...timers, setTimeout: rest.mockImplementation(timers.setTimeout) }
})

const future = new Date('2100-01-01')
const past = new Date('2020-01-01')
const data = new TextEncoder().encode('data')

for (const driver of drivers) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    let opened: Opened
    let store: DrizzleStore
    beforeAll(async () => {
      opened = await openNew(driver)
      store = await DrizzleStore.create(opened.db, { cleanupInterval: 0 })
    })
    afterAll(() => opened?.close())

    it('deleteExpired removes what has expired, gives its number, and leaves what lives', async () => {
      await store.commitCtx(ctx, 'lives', data, future)
      await store.commitCtx(ctx, 'expired', data, past)
      await store.commitCtx(ctx, 'expired-too', data, new Date(Date.now()))
      await store.commitCtx(ctx, 'renewed', data, past)
      await store.commitCtx(ctx, 'renewed', data, future)
      expect(await store.deleteExpired()).toBe(2)
      expect(await rows(opened)).toEqual(['lives', 'renewed'])
      expect(await store.deleteExpired()).toBe(0)
    })
  })
}

for (const driver of oneOfEach) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    let opened: Opened
    let stores: DrizzleStore[] = []
    beforeAll(async () => {
      opened = await openNew(driver)
    })
    afterEach(async () => {
      for (const store of stores) await store.stopCleanup()
      stores = []
    })
    afterAll(() => opened?.close())

    async function open(cleanupInterval: number, onCleanupError?: (error: unknown) => void) {
      const store = await DrizzleStore.create(opened.db, { cleanupInterval, onCleanupError })
      stores.push(store)
      return store
    }

    it('deleteExpired removes more than one batch', async () => {
      const store = await open(0)
      await insertExpired(opened, driver.dialect, 110)
      await store.commitCtx(ctx, 'lives', data, future)
      expect(await store.deleteExpired()).toBe(110)
      expect(await rows(opened)).toEqual(['lives'])
    })

    // SQLite knows no locks of single rows.
    if (driver.dialect !== 'sqlite') {
      it('a session that another transaction has locked is left for later, not waited for', async () => {
        const store = await open(0)
        await store.commitCtx(ctx, 'expired', data, past)
        await store.commitCtx(ctx, 'expired-too', data, past)
        const lock = sql`select * from sessions where token = 'expired' for update`
        await whileLocked(opened, lock, async () => {
          expect(await store.deleteExpired()).toBe(1)
          expect(await rows(opened)).toContain('expired')
        })
        expect(await store.deleteExpired()).toBe(1)
      })
    }

    it('two calls at once remove each session once, one after the other', async () => {
      const store = await open(0)
      await insertExpired(opened, driver.dialect, 110)
      const counts = await Promise.all([store.deleteExpired(), store.deleteExpired()])
      expect(counts).toEqual([110, 0])
    })

    it('expired sessions go in the background', async () => {
      const store = await open(20)
      await store.commitCtx(ctx, 'expired', data, past)
      await vi.waitUntil(async () => !(await rows(opened)).includes('expired'), { timeout: 50_000 })
    })

    it('1,000 new sessions bring the cleanup forward, however long its interval', async () => {
      // Nothing of this is to survive a crash.
      if (driver.dialect === 'sqlite') await opened.run(sql`pragma synchronous = off`)
      const store = await open(hour)
      await insertExpired(opened, driver.dialect, 110)
      for (let n = 0; n < 1_000; n++) await store.commitCtx(ctx, `new-${n}`, data, future)
      const expired = async () => (await rows(opened)).filter((token) => /^x/.test(String(token)))
      await vi.waitUntil(async () => (await expired()).length === 0, { timeout: 50_000 })
      await opened.run(sql`delete from sessions where token like 'new-%'`)
    })

    it('a cleanup that fails is told to onCleanupError, and tried again', async () => {
      const errors: unknown[] = []
      const store = await open(20, (error) => errors.push(error))
      await opened.run(sql`alter table sessions rename to away`)
      await vi.waitUntil(() => errors.length >= 2, { timeout: 50_000 })
      await opened.run(sql`alter table away rename to sessions`)
      await store.commitCtx(ctx, 'expired', data, past)
      await vi.waitUntil(async () => !(await rows(opened)).includes('expired'), { timeout: 50_000 })
      expect(String(errors[0])).toMatch('DrizzleStore could not delete expired sessions')
      await store.stopCleanup()
    })

    it('a cleanup that fails is on the console without onCleanupError', async () => {
      const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
      try {
        await open(20)
        await opened.run(sql`alter table sessions rename to away`)
        await vi.waitUntil(() => logged.mock.calls.length > 0, { timeout: 50_000 })
        expect(String(logged.mock.calls[0]?.[0])).toMatch('could not delete expired sessions')
      } finally {
        for (const store of stores) await store.stopCleanup()
        await opened.run(sql`alter table away rename to sessions`)
        logged.mockRestore()
      }
    })

    it('stopCleanup ends it, may be called again, and the store goes on working', async () => {
      const stopped = await open(20)
      await stopped.stopCleanup()
      await Promise.all([stopped.stopCleanup(), stopped[Symbol.asyncDispose]()])
      await stopped.commitCtx(ctx, 'expired', data, past)
      // In the meantime another loop of the same interval has come round.
      await cleanedElsewhere()
      expect(await rows(opened)).toContain('expired')
      expect(await stopped.deleteExpired()).toBe(1)
      expect(await stopped.touch(background(), 'lives', future)).toBe(true)
    })
  })
}

describe('the pauses between batches', () => {
  /** A store on SQLite with 25 expired sessions, where a DELETE takes `milliseconds`, and a pause as long as it is asked for. */
  async function slowWorld(milliseconds: number, cleanupInterval: number) {
    const database = await createDatabase(betterSqlite3)
    const client = new SQLite(database.address)
    let time = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => time)
    const deletes = vi.fn()
    const logQuery = (query: string) => {
      if (!query.startsWith('delete')) return
      time += milliseconds
      deletes()
    }
    const db = drizzle({ client, logger: { logQuery } })
    const run = async (statement: SQL) => db.run(statement)
    const prepared = await DrizzleStore.create(db, { cleanupInterval: 0 })
    await insertExpired({ db, run, close: async () => {} }, 'sqlite', 25)
    const store =
      cleanupInterval === 0 ? prepared : await DrizzleStore.create(db, { cleanupInterval })
    onTestFinished(async () => {
      clock.mockRestore()
      rest.mockClear()
      client.close()
      await database.drop()
    })
    return {
      store,
      deletes,
      left: async () => (await select(db, { n: sql`count(*)` }, sql`sessions`))[0],
      insert: (count: number) => insertExpired({ db, run, close: async () => {} }, 'sqlite', count),
      pass: (milliseconds: number) => {
        time += milliseconds
      },
    }
  }

  const pauses = () => rest.mock.calls.map(([milliseconds]) => Math.round(milliseconds))

  it('are 39 times as long as a batch took, when there is time', async () => {
    const { store, deletes } = await slowWorld(3, 0)
    expect(await store.deleteExpired()).toBe(25)
    expect(deletes).toHaveBeenCalledTimes(3)
    expect(pauses()).toEqual([39 * 3, 39 * 3])
    expect(rest.mock.calls[0]?.slice(1)).toEqual([
      undefined,
      { ref: true, signal: expect.any(AbortSignal) },
    ])
  })

  it('shrink to nothing, and the batches grow, when a run takes a quarter of the time since the last', async () => {
    const { store, deletes, insert, pass } = await slowWorld(3, 0)
    await store.deleteExpired()
    pass(100 - 3 * 3)
    deletes.mockClear()
    rest.mockClear()
    await insert(90)
    expect(await store.deleteExpired()).toBe(90)
    // The window is of 100 ms, and pauses take no time here. Five batches are of 10 rows, two of 20, and the last finds none.
    const shares = [0.88, 0.76, 0.64, 0.52, 0.4, 0.28, 0.16]
    expect(pauses()).toEqual(shares.map((share) => Math.round(117 * share)))
    expect(deletes).toHaveBeenCalledTimes(8)
  })

  it('are 150 ms at most, keep no process alive in the background, and end when the cleanup is stopped', async () => {
    const { store, deletes, left } = await slowWorld(4, 1)
    await vi.waitUntil(() => rest.mock.calls.length > 0)
    await store.stopCleanup()
    expect(pauses()).toEqual([150])
    expect(rest.mock.calls[0]?.slice(1)).toEqual([
      undefined,
      { ref: false, signal: expect.any(AbortSignal) },
    ])
    expect(deletes).toHaveBeenCalledTimes(1)
    expect(await left()).toEqual({ n: 15 })
  })
})

describe('stopCleanup', () => {
  /** A store on SQLite with `expired` sessions that have, and what it deletes from now on. */
  async function expiredWorld(cleanupInterval: number, expired: number) {
    const database = await createDatabase(betterSqlite3)
    const client = new SQLite(database.address)
    const deletes = vi.fn()
    const logger = { logQuery: (query: string) => query.startsWith('delete') && deletes() }
    const db = drizzle({ client, logger })
    const store = await DrizzleStore.create(db, { cleanupInterval })
    const run = async (statement: SQL) => db.run(statement)
    await insertExpired({ db, run, close: async () => {} }, 'sqlite', expired)
    deletes.mockClear()
    onTestFinished(async () => {
      client.close()
      await database.drop()
    })
    return { client, db, deletes, store }
  }

  it('waits for a run in progress, which ends after its current batch', async () => {
    const { db, deletes, store } = await expiredWorld(20, 25)
    const stopped = new Promise<void>((resolve) => {
      deletes.mockImplementation(() => resolve(store.stopCleanup()))
    })
    await stopped
    expect(await select(db, { count: sql`count(*)` }, sql`sessions`)).toEqual([{ count: 15 }])
    expect(deletes).toHaveBeenCalledTimes(1)
  })

  it('ends deleteExpired too, and what waits behind it in the background', async () => {
    const { client, deletes, store } = await expiredWorld(1, 9_000)
    const asked = store.deleteExpired()
    // By then the background has come round.
    await vi.waitUntil(() => deletes.mock.calls.length > 4)
    await store.stopCleanup()
    const before = deletes.mock.calls.length
    expect(await asked).toBe(10 * before)
    client.close()
    expect(deletes).toHaveBeenCalledTimes(before)
  })
})

describe('create', () => {
  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '60' as unknown as number])(
    'refuses a cleanupInterval of %s, by name',
    async (cleanupInterval) => {
      const { db, close } = await openNew(libsql)
      await expect(DrizzleStore.create(db, { cleanupInterval })).rejects.toThrow(
        expect.objectContaining({
          name: 'TypeError',
          message: expect.stringContaining('cleanupInterval'),
        }),
      )
      await close()
    },
  )
})

// Fulfilled when a loop in a database of its own has come round.
async function cleanedElsewhere(): Promise<void> {
  const other = await openNew(betterSqlite3)
  const store = await DrizzleStore.create(other.db, { cleanupInterval: 20 })
  await store.commitCtx(ctx, 'expired', data, past)
  await vi.waitUntil(async () => (await rows(other)).length === 0, { timeout: 50_000 })
  await store.stopCleanup()
  await other.close()
}

// Within a transaction that has run `lock`, on a connection of its own.
async function whileLocked({ db }: Opened, lock: SQL, run: () => Promise<void>): Promise<void> {
  const any = db as unknown as {
    transaction(
      work: (transaction: { execute(statement: SQL): Promise<unknown> }) => Promise<void>,
    ): Promise<void>
  }
  await any.transaction(async (transaction) => {
    await transaction.execute(lock)
    await run()
  })
}

async function rows({ db }: Opened): Promise<unknown[]> {
  const all = await select(db, { token: sql`token` }, sql`sessions order by token`)
  return all.map(({ token }) => token)
}

async function insertExpired({ run }: Opened, dialect: string, count: number): Promise<void> {
  const expiry = { pg: `'2020-01-01Z'::timestamptz`, mysql: `'2020-01-01'`, sqlite: '2458849.5' }
  const text = { pg: `'x' || n`, mysql: `concat('x', n)`, sqlite: `'x' || n` }
  const bytes = { pg: `'\\x00'::bytea`, mysql: `x'00'`, sqlite: `x'00'` }
  const pick = (of: Record<string, string>) => sql.raw(of[dialect] ?? '')
  // MariaDB ends a recursion after 1,000 steps by default.
  await run(sql`insert into sessions (token, data, expiry)
    with recursive ten (d) as (select 0 union all select d + 1 from ten where d < 9)
    select ${pick(text)}, ${pick(bytes)}, ${pick(expiry)} from
      (select a.d + 10 * b.d + 100 * c.d + 1000 * e.d as n from ten a, ten b, ten c, ten e) numbers
    where n < ${count}`)
}
