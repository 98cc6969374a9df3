import SQLite from 'better-sqlite3'
import { createPool, type RowDataPacket } from 'mysql2/promise'
import postgres from 'postgres'
import { createClient } from 'redis'
import type { ServerPlan } from '../contestants.ts'

/** The statements that our store sends, sent by the driver alone. */
export interface Statements extends AsyncDisposable {
  find(token: string, now: Date): Uint8Array | undefined | Promise<Uint8Array | undefined>
  commit(token: string, data: Uint8Array, expiry: Date): unknown
  rename(token: string, newToken: string, data: Uint8Array, expiry: Date): unknown
}

/** Those of the plan's database. */
export async function openStatements({
  store,
  address,
}: Pick<ServerPlan, 'store' | 'address'>): Promise<Statements> {
  switch (store) {
    case 'postgres':
      return postgresStatements(address)
    case 'redis':
      return redisStatements(address)
    case 'sqlite':
      return sqliteStatements(address)
    case 'mariadb':
      return mariadbStatements(address)
    default:
      throw new Error(`${store} has no statements`)
  }
}

function postgresStatements(address: string): Statements {
  const sql = postgres(address)
  return {
    async find(token, now) {
      const [row] = await sql`select data from sessions where token = ${token} and expiry > ${now}`
      return row?.data
    },
    commit: (token, data, expiry) =>
      sql`insert into sessions (token, data, expiry) values (${token}, ${data}, ${expiry})
        on conflict (token) do update set data = excluded.data, expiry = excluded.expiry`.execute(),
    rename: (token, newToken, data, expiry) =>
      sql`update sessions set token = ${newToken}, data = ${data}, expiry = ${expiry}
        where token = ${token}`.execute(),
    [Symbol.asyncDispose]: () => sql.end(),
  }
}

function sqliteStatements(address: string): Statements {
  const client = new SQLite(address)
  const find = client.prepare('select data from sessions where token = ? and expiry > ?')
  const commit = client.prepare(
    'insert into sessions (token, data, expiry) values (?, ?, ?) on conflict (token) do update set data = excluded.data, expiry = excluded.expiry',
  )
  const rename = client.prepare(
    'update sessions set token = ?, data = ?, expiry = ? where token = ?',
  )
  return {
    find: (token, now) =>
      (find.get(token, julianDay(now)) as { data: Uint8Array } | undefined)?.data,
    commit: (token, data, expiry) => commit.run(token, data, julianDay(expiry)),
    rename: (token, newToken, data, expiry) => rename.run(newToken, data, julianDay(expiry), token),
    async [Symbol.asyncDispose]() {
      client.close()
    },
  }
}

function mariadbStatements(address: string): Statements {
  const pool = createPool(address)
  return {
    async find(token, now) {
      const [rows] = await pool.execute<RowDataPacket[]>(
        'select data from sessions where token = ? and expiry > ?',
        [token, now],
      )
      return rows[0]?.data
    },
    commit: (token, data, expiry) =>
      pool.execute(
        'insert into sessions (token, data, expiry) values (?, ?, ?) on duplicate key update data = values(data), expiry = values(expiry)',
        [token, data, expiry],
      ),
    rename: (token, newToken, data, expiry) =>
      pool.execute('update sessions set token = ?, data = ?, expiry = ? where token = ?', [
        newToken,
        data,
        expiry,
        token,
      ]),
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

async function redisStatements(address: string): Promise<Statements> {
  const client = await createClient({ url: address }).connect()
  // Bytes, as they come.
  const options = { typeMapping: { 36: Buffer } }
  const key = (token: string) => `raw:${token}`
  const set = (token: string, data: Uint8Array, expiry: Date) =>
    client.sendCommand(['SET', key(token), data as Buffer, 'PXAT', String(expiry.getTime())])
  return {
    find: async (token) =>
      (await client.sendCommand<Buffer>(['GET', key(token)], options)) ?? undefined,
    commit: set,
    rename: (token, newToken, data, expiry) =>
      Promise.all([set(newToken, data, expiry), client.sendCommand(['DEL', key(token)])]),
    [Symbol.asyncDispose]: () => client.close(),
  }
}

function julianDay(time: Date): number {
  return time.getTime() / 86_400_000 + 2_440_587.5
}
