import { createClient } from '@libsql/client'
import { background } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import SQLite from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { drizzle as drizzleLibsql } from 'drizzle-orm/libsql'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createDatabase } from './databases.ts'
import { betterSqlite3 } from './drivers.ts'

const sessions = 1_000

type Logger = { logQuery(query: string): void }

// Both read the file in the call itself, also the one that gives a promise.
const databases = {
  'better-sqlite3': (file: string, logger: Logger) => {
    const client = new SQLite(file)
    return { db: drizzle({ client, logger }), close: () => client.close() }
  },
  libsql: (file: string, logger: Logger) => {
    const client = createClient({ url: `file:${file}` })
    return { db: drizzleLibsql({ client, logger }), close: () => client.close() }
  },
}

describe.each(Object.entries(databases))('a scan on %s', (_name, open) => {
  /** A store where reading a page takes `milliseconds`, and nothing else takes any time. */
  async function slowWorld(milliseconds: number) {
    const database = await createDatabase(betterSqlite3)
    let time = 0
    const logQuery = (query: string) => {
      if (query.startsWith('select')) time += milliseconds
    }
    const { db, close } = open(database.address, { logQuery })
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    const file = new SQLite(database.address)
    file.exec(`insert into sessions (token, data, expiry)
      with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${sessions})
      select 'token-' || n, x'00', julianday('2100-01-01') from numbers`)
    file.close()
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => time)
    onTestFinished(async () => {
      clock.mockRestore()
      close()
      await database.drop()
    })
    return store
  }

  /** How many sessions came in each turn of the event loop. */
  async function turnsOf(store: DrizzleStore): Promise<number[]> {
    const turns = [0]
    const count = () => {
      turns.push(0)
      next = setImmediate(count)
    }
    let next = setImmediate(count)
    for await (const _ of store.scan(background()))
      turns[turns.length - 1] = (turns.at(-1) ?? 0) + 1
    clearImmediate(next)
    return turns.filter((count) => count > 0)
  }

  it('lets others through between two pages', async () => {
    const turns = await turnsOf(await slowWorld(0))
    expect(turns.reduce((a, b) => a + b)).toBe(sessions)
    expect(turns.slice(0, 9)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 200])
    expect(Math.max(...turns)).toBe(200)
  })

  it('reads one session at a time where each read stops the event loop for long', async () => {
    const turns = await turnsOf(await slowWorld(3))
    expect(turns).toEqual(Array(sessions).fill(1))
  })
})
