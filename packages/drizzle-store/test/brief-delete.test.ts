import { statSync } from 'node:fs'
import { background } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import SQLite from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createDatabase } from './databases.ts'
import { betterSqlite3 } from './drivers.ts'

const ctx = background()

// The pause between two batches.
const pause = vi.hoisted(() => vi.fn())
vi.mock('node:timers/promises', async (original) => ({
  ...(await original<typeof import('node:timers/promises')>()),
  setTimeout: pause,
}))

beforeEach(() => {
  pause.mockReset()
  pause.mockImplementation(async () => {})
})

const timeout = 3_600_000
const future = new Date('2100-01-01')
const data = new TextEncoder().encode('data')

/** A store on a file with a write-ahead log and 1,000 expired sessions, in no order; what it runs, and what it deletes. */
async function open() {
  const database = await createDatabase(betterSqlite3)
  const statements: string[] = []
  const verbose = (statement: unknown) => statements.push(String(statement).toLowerCase())
  const client = new SQLite(database.address, { timeout, verbose })
  client.pragma('journal_mode = wal')
  const deletes = vi.fn()
  const logger = { logQuery: (query: string) => query.startsWith('delete') && deletes() }
  const store = await DrizzleStore.create(drizzle({ client, logger }), { cleanupInterval: 0 })
  client.exec(`insert into sessions (token, data, expiry)
    with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 1000)
    select hex(randomblob(16)), randomblob(100), julianday('2020-01-01') from numbers`)
  client.pragma('wal_checkpoint(truncate)')
  statements.length = 0
  onTestFinished(async () => {
    client.close()
    await database.drop()
  })
  const setting = (name: string) => client.pragma(name, { simple: true })
  return {
    address: database.address,
    client,
    store,
    deletes,
    checkpoints: () => statements.filter((text) => text.includes('wal_checkpoint')),
    settings: () => [setting('busy_timeout'), setting('wal_autocheckpoint')],
  }
}

describe('a DELETE of the cleanup on better-sqlite3', () => {
  it('does not wait for a lock of another process as long as the driver would', async () => {
    const { address, store, deletes, settings } = await open()
    const other = new SQLite(address)
    other.exec('begin immediate')
    // The store tries again in another turn of the event loop; the driver alone would stop it for an hour.
    deletes.mockImplementation(() => deletes.mock.calls.length === 2 && other.exec('commit'))
    expect(await store.deleteExpired()).toBe(1_000)
    expect(settings()).toEqual([timeout, 1_000])
    other.close()
  })

  it('leaves the settings of the connection as they were, also when it fails', async () => {
    const { client, store, settings } = await open()
    client.pragma('busy_timeout = 2')
    client.pragma('wal_autocheckpoint = 300')
    await store.deleteExpired()
    expect(settings()).toEqual([2, 300])
    client.exec('alter table sessions rename to away')
    await expect(store.deleteExpired()).rejects.toThrow('could not delete expired sessions')
    expect(settings()).toEqual([2, 300])
  })

  it('is followed by a checkpoint of what it has written, while nobody else writes', async () => {
    const { address, store } = await open()
    expect(await store.deleteExpired()).toBe(1_000)
    // The file has a page of 4 KB for each that was written since the last checkpoint, or was once.
    expect(statSync(`${address}-wal`).size).toBeLessThan(100 * 4_096)
  })

  it.each(['the application', 'another process'])(
    'leaves the checkpoint to the commits of others while there are any: of %s',
    async (who) => {
      const { address, store, checkpoints } = await open()
      const other = new SQLite(address)
      let n = 0
      pause.mockImplementation(async () => {
        if (who === 'the application') await store.commitCtx(ctx, `token-${n++}`, data, future)
        else other.exec('create table if not exists visits (n); insert into visits values (1)')
      })
      expect(await store.deleteExpired()).toBe(1_000)
      expect(checkpoints()).toEqual([])
      other.close()
    },
  )

  it('leaves the checkpoint to whoever has switched off that of the connection', async () => {
    const { client, store, checkpoints } = await open()
    client.pragma('wal_autocheckpoint = 0')
    expect(await store.deleteExpired()).toBe(1_000)
    expect(checkpoints()).toEqual([])
  })

  it('works within a transaction of the application, in which there is no checkpoint', async () => {
    const { client, store } = await open()
    client.exec('begin')
    expect(await store.deleteExpired()).toBe(1_000)
    client.exec('rollback')
    expect(await store.deleteExpired()).toBe(1_000)
  })
})
