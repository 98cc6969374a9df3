import { createClient } from '@libsql/client'
import { background } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import SQLite from 'better-sqlite3'
import { sql } from 'drizzle-orm'
import { drizzle as drizzleSqlite } from 'drizzle-orm/better-sqlite3'
import { drizzle as libsql } from 'drizzle-orm/libsql'
import { drizzle as drizzleMysql } from 'drizzle-orm/mysql2'
import { createConnection } from 'mysql2/promise'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { moved, over } from '../../../test/swaps.ts'
import { createDatabase, isAvailable, openNew, select } from './databases.ts'
import { betterSqlite3, mysqlConnection, mysqlPool, postgresJs } from './drivers.ts'
import { startProcess } from './processes/run.ts'

const ctx = background()
const data = new TextEncoder().encode('data')
const future = new Date('2100-01-01')

describe('an SQLite file that another connection has locked', () => {
  // A client without a busy timeout of its own, which tells of each of its queries.
  async function openLocked() {
    const database = await createDatabase(betterSqlite3)
    const url = `file:${database.address}`
    // One library for both: the locks of a file do not hold between two SQLites of one process.
    const holder = createClient({ url })
    const client = createClient({ url })
    const logQuery = vi.fn<(query: string) => void>()
    return {
      lock: () => holder.transaction('write'),
      db: libsql({ client, logger: { logQuery } }),
      // Fulfilled when `query` has been tried more than once.
      triedAgain: (query: string) =>
        vi.waitUntil(
          () => logQuery.mock.calls.filter(([text]) => text.startsWith(query)).length > 1,
          { timeout: 50_000, interval: 1 },
        ),
      async close() {
        client.close()
        holder.close()
        await database.drop()
      },
    }
  }

  it('create waits for it', async () => {
    const { db, lock, triedAgain, close } = await openLocked()
    const locked = await lock()
    const creating = DrizzleStore.create(db, { cleanupInterval: 0 })
    await triedAgain('create table')
    await locked.commit()
    await (await creating).commitCtx(ctx, 'a', data, future)
    await close()
  })

  it('a method tries again for a while', async () => {
    const { db, lock, triedAgain, close } = await openLocked()
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    const locked = await lock()
    const committing = store.commitCtx(ctx, 'a', data, future)
    await triedAgain('insert')
    await locked.commit()
    await committing
    expect(await store.findCtx(ctx, 'a')).toEqual(Buffer.from(data))
    await close()
  })

  it('a method ends with the error when it stays locked', async () => {
    const { db, lock, close } = await openLocked()
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    const locked = await lock()
    await expect(store.commitCtx(ctx, 'a', data, future)).rejects.toMatchObject({
      code: 'SQLITE_BUSY',
      message: expect.stringMatching('could not commit a session: .*locked'),
    })
    await locked.commit()
    expect(await store.findCtx(ctx, 'a')).toBeUndefined()
    await close()
  })
})

describe('better-sqlite3, a file that another process has locked', () => {
  async function openLocked(timeout: number) {
    const database = await createDatabase(betterSqlite3)
    const client = new SQLite(database.address, { timeout })
    const logQuery = vi.fn<(query: string) => void>()
    const store = await DrizzleStore.create(drizzleSqlite({ client, logger: { logQuery } }), {
      cleanupInterval: 0,
    })
    const expected = Buffer.from(data)
    await store.commitCtx(ctx, 'a', data, future)
    const holder = startProcess('../faults/hold-lock.ts', [database.address])
    await holder.ready
    onTestFinished(async () => {
      holder.go()
      await holder.result
      client.close()
      await database.drop()
    })
    logQuery.mockClear()
    return { store, holder, expected, logQuery }
  }

  it('that does not wait itself: a method tries again for a while, and blocks nothing', async () => {
    const { store, holder, expected, logQuery } = await openLocked(0)
    const replacing = store.swap(background(), over('a', expected, Buffer.from('new'), future))
    await vi.waitUntil(() => logQuery.mock.calls.length > 1, { timeout: 50_000, interval: 1 })
    holder.go()
    expect(await replacing).toBe(true)
    expect(Buffer.from((await store.findCtx(ctx, 'a')) ?? '').toString()).toBe('new')
  })

  it('that does not wait itself: a method ends with the error when it stays locked', async () => {
    const { store, expected } = await openLocked(0)
    for (const call of [
      () => store.swap(background(), over('a', expected, Buffer.from('new'), future)),
      () => store.findCtx(ctx, 'a'),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'SQLITE_BUSY' })
    }
  })

  // By the number of tries, as a clock would measure the load of the machine too.
  for (const timeout of [50, 300, 600, 1000, 2900]) {
    const bound = Math.max(timeout, 500)
    it(`with the time-out of ${timeout} ms: a method waits for ${bound} ms at most`, async () => {
      const { store, expected, logQuery } = await openLocked(timeout)
      for (const call of [
        () => store.findCtx(ctx, 'a'),
        () => store.swap(background(), over('a', expected, expected, future)),
      ]) {
        logQuery.mockClear()
        const failure = await new Promise((resolve) => resolve(call())).catch((error) => error)
        expect(failure).toMatchObject({
          code: 'SQLITE_BUSY',
          message: expect.stringMatching(/: the file is locked by another connection/),
        })
        const tries = logQuery.mock.calls.length
        expect(tries).toBeGreaterThan(0)
        expect(tries * timeout).toBeLessThanOrEqual(bound)
      }
    })
  }
})

describe.skipIf(!isAvailable(postgresJs))('PostgreSQL', () => {
  it('a statement that was chosen to end a deadlock is tried again', async () => {
    const { db, address, close } = await openNew(postgresJs)
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    await store.commitCtx(ctx, 'a', data, future)
    const admin = await postgresJs.open(address, 1)
    // So that it is not the other transaction that ends.
    await admin.run(sql`set deadlock_timeout = '1h'`)
    await admin.run(sql`begin`)
    await admin.run(sql`insert into sessions values ('b', '', now())`)
    const expected = Buffer.from(data)
    const renaming = store.swap(background(), moved('a', 'b', expected, data, future))
    // It has the row, and waits for the other transaction's token; that now waits for the row.
    await blocked(db)
    await admin.run(sql`update sessions set expiry = expiry where token = 'a'`)
    const deadlocks = sql`pg_stat_database where datname = current_database()`
    await admin.run(sql`rollback`)
    expect(await renaming).toBe(true)
    const counted = async () => {
      const [row] = await select(db, { deadlocks: sql`deadlocks` }, deadlocks)
      return Number(row?.deadlocks) === 1
    }
    await vi.waitUntil(counted, { timeout: 50_000 })
    await admin.close()
    await close()
  })

  it('a statement that could not be serialized is tried again', async () => {
    const database = await createDatabase(postgresJs)
    const admin = await postgresJs.open(database.address, 1)
    const name = sql.identifier(new URL(database.address).pathname.slice(1))
    await admin.run(sql`alter database ${name} set default_transaction_isolation = 'serializable'`)
    const { db, close } = await postgresJs.open(database.address)
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    await store.commitCtx(ctx, 'a', data, future)

    // A transaction that has the row: what comes now fails to serialize when it ends.
    await admin.run(sql`begin`)
    await admin.run(sql`update sessions set data = 'before'`)
    const touching = store.touch(background(), 'a', future)
    await blocked(db)
    await admin.run(sql`commit`)
    expect(await touching).toBe(true)
    await close()
    await admin.close()
    await database.drop()
  })

  it('a table that something else creates at the same moment is taken', async () => {
    const { db, address, close } = await openNew(postgresJs)
    const other = await postgresJs.open(address, 1)
    await other.run(sql`begin`)
    await other.run(sql`create table sessions (token text primary key, data bytea not null,
      expiry timestamptz not null)`)
    const creating = DrizzleStore.create(db, { cleanupInterval: 0 })
    await blocked(db)
    await other.run(sql`commit`)
    await (await creating).commitCtx(ctx, 'a', data, future)
    await other.close()
    await close()
  })

  // Fulfilled when some connection to this database waits for a lock.
  function blocked(db: Parameters<typeof select>[0]): Promise<boolean> {
    const waiting = sql`pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
    return vi.waitUntil(async () => (await select(db, { pid: sql`pid` }, waiting)).length > 0, {
      timeout: 50_000,
    })
  }
})

describe.skipIf(!isAvailable(mysqlPool))('MySQL', () => {
  // A store that tells of each of its queries, and a connection of somebody else's.
  async function openBoth(settings: string) {
    const database = await createDatabase(mysqlPool)
    const admin = await mysqlConnection.open(database.address)
    const client = await createConnection(database.address)
    await client.query(settings)
    const logQuery = vi.fn<(query: string) => void>()
    const store = await DrizzleStore.create(drizzleMysql({ client, logger: { logQuery } }), {
      cleanupInterval: 0,
    })
    await store.commitCtx(ctx, 'a', data, future)
    logQuery.mockClear()
    onTestFinished(async () => {
      await client.end()
      await admin.close()
      await database.drop()
    })
    const triedAgain = () =>
      vi.waitUntil(() => logQuery.mock.calls.length > 1, { timeout: 50_000, interval: 1 })
    return { store, admin, logQuery, triedAgain }
  }
  const expected = Buffer.from(data)

  it('a statement that was chosen to end a deadlock is tried again', async () => {
    const { store, admin, triedAgain } = await openBoth('do 0')
    await admin.run(sql`begin`)
    // The transaction that has changed more rows is spared.
    await admin.run(sql`insert into sessions values ('x', '', now()), ('y', '', now())`)
    await admin.run(sql`insert into sessions values ('b', '', now())`)
    const renaming = store.swap(background(), moved('a', 'b', expected, data, future))
    const isWaiting = async () => {
      const waiting = sql`information_schema.innodb_trx where trx_state = 'LOCK WAIT'`
      return (await select(admin.db, { id: sql`trx_id` }, waiting)).length > 0
    }
    // InnoDB refreshes that table only when nobody has read it for 100 ms.
    await vi.waitUntil(isWaiting, { timeout: 50_000, interval: 200 })
    await admin.run(sql`update sessions set expiry = now() where token = 'a'`)
    await triedAgain()
    await admin.run(sql`rollback`)
    expect(await renaming).toBe(true)
  })

  it('a statement that has waited too long for a lock is tried again', async () => {
    const { store, admin, triedAgain } = await openBoth('set innodb_lock_wait_timeout = 1')
    await admin.run(sql`begin`)
    await admin.run(sql`update sessions set expiry = now()`)
    const replacing = store.swap(background(), over('a', expected, Buffer.from('new'), future))
    await triedAgain()
    await admin.run(sql`rollback`)
    expect(await replacing).toBe(true)
  })

  it('a lock that nobody gives up is an error, not much later than the database says', async () => {
    const { store, admin, logQuery } = await openBoth('set innodb_lock_wait_timeout = 2')
    await admin.run(sql`begin`)
    await admin.run(sql`update sessions set expiry = now()`)
    await expect(store.touch(background(), 'a', future)).rejects.toMatchObject({ errno: 1205 })
    expect(logQuery).toHaveBeenCalledTimes(2)
    await admin.run(sql`rollback`)
  })

  it('a node of Galera outside of its cluster is an error at once, which says so', async () => {
    const { store, admin, logQuery } = await openBoth('do 0')
    // What such a node answers, without a cluster.
    await admin.run(sql`create trigger away before update on sessions for each row
      signal sqlstate '08S01' set mysql_errno = 1047,
      message_text = 'WSREP has not yet prepared node for application use'`)
    const replacing = store.swap(background(), over('a', expected, Buffer.from('new'), future))
    await expect(replacing).rejects.toMatchObject({
      errno: 1047,
      message: expect.stringMatching('WSREP has not yet prepared node'),
    })
    expect(logQuery).toHaveBeenCalledTimes(1)
  })
})
