import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { background, hour } from '@scs/core'
import SQLite from 'better-sqlite3'
import { createConnection } from 'mysql2/promise'
import postgres from 'postgres'
import { createClient } from 'redis'
import type { Databases } from '../support/databases.ts'
import { sessionBytes } from './fill.ts'
import { type FloodedName, openFlooded } from './flooded-stores.ts'

const sessions = 50_000
const atOnce = 32

/** Bytes that a session of 100 B takes in a database, with its indexes; memory is measured by main.ts. */
export async function measureBytes(
  store: Exclude<FloodedName, 'memory'>,
  databases: Databases,
): Promise<number> {
  const address = await databases.create(store)
  await using opened = await openFlooded(store, address, false)
  const empty = await sizes[store](address)
  const ctx = background()
  let left = sessions
  const run = async () => {
    while (left-- > 0) {
      const token = randomBytes(32).toString('base64url')
      await opened.store.commitCtx(ctx, token, sessionBytes, new Date(Date.now() + hour))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, run))
  return ((await sizes[store](address)) - empty) / sessions
}

const sizes: Readonly<
  Record<Exclude<FloodedName, 'memory'>, (address: string) => Promise<number>>
> = {
  async postgres(address) {
    const client = postgres(address, { max: 1, fetch_types: false })
    const [row] = await client`select pg_total_relation_size('sessions') as bytes`
    await client.end()
    return Number(row?.bytes)
  },
  async mariadb(address) {
    const client = await createConnection(address)
    await client.query('analyze table sessions')
    const [rows] = await client.query(`select data_length + index_length as bytes
        from information_schema.tables where table_schema = database() and table_name = 'sessions'`)
    await client.end()
    return Number((rows as { bytes: unknown }[])[0]?.bytes)
  },
  async sqlite(address) {
    const client = new SQLite(address)
    client.pragma('wal_checkpoint(truncate)')
    client.close()
    return statSync(address).size
  },
  async redis(address) {
    const client = await createClient({ url: address }).connect()
    const [, bytes] = /used_memory:(\d+)/.exec(await client.info('memory')) ?? []
    await client.close()
    return Number(bytes)
  },
}
