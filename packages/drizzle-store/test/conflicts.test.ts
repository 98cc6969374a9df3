import { createClient } from '@libsql/client'
import { background } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { sql } from 'drizzle-orm'
import { drizzle as libsql } from 'drizzle-orm/libsql'
import { describe, expect, it, vi } from 'vitest'
import { createDatabase, isAvailable, openNew, select } from './databases.ts'
import { betterSqlite3, postgresJs } from './drivers.ts'

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
          { timeout: 10_000, interval: 1 },
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
    await (await creating).commit('a', data, future)
    await close()
  })

  it('a method tries again for a while', async () => {
    const { db, lock, triedAgain, close } = await openLocked()
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    const locked = await lock()
    const committing = store.commit('a', data, future)
    await triedAgain('insert')
    await locked.commit()
    await committing
    expect(await store.find('a')).toEqual(Buffer.from(data))
    await close()
  })

  it('a method ends with the error when it stays locked', async () => {
    const { db, lock, close } = await openLocked()
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    const locked = await lock()
    await expect(store.commit('a', data, future)).rejects.toMatchObject({
      code: 'SQLITE_BUSY',
      message: expect.stringMatching('could not commit a session: .*locked'),
    })
    await locked.commit()
    expect(await store.find('a')).toBeUndefined()
    await close()
  })
})

describe.skipIf(!isAvailable(postgresJs))('PostgreSQL', () => {
  it('a statement that could not be serialized is tried again', async () => {
    const database = await createDatabase(postgresJs)
    const admin = await postgresJs.open(database.address, 1)
    const name = sql.identifier(new URL(database.address).pathname.slice(1))
    await admin.run(sql`alter database ${name} set default_transaction_isolation = 'serializable'`)
    const { db, close } = await postgresJs.open(database.address)
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    await store.commit('a', data, future)

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
    await (await creating).commit('a', data, future)
    await other.close()
    await close()
  })

  // Fulfilled when some connection to this database waits for a lock.
  function blocked(db: Parameters<typeof select>[0]): Promise<boolean> {
    const waiting = sql`pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
    return vi.waitUntil(async () => (await select(db, { pid: sql`pid` }, waiting)).length > 0, {
      timeout: 10_000,
    })
  }
})
