import SQLite from 'better-sqlite3'
import type { Statements } from './raw-statements.ts'

/** On a file of SQLite. */
export function sqliteStatements(address: string): Statements {
  const client = new SQLite(address)
  const find = client.prepare('select data from sessions where token = ? and expiry > ?')
  const commit = client.prepare(
    'insert into sessions (token, data, expiry) values (?, ?, ?) on conflict (token) do update set data = excluded.data, expiry = excluded.expiry',
  )
  const replace = client.prepare(
    'update sessions set token = ?, data = ?, expiry = ? where token = ? and data = ? and expiry > ? returning token',
  )
  return {
    find: (token, now) =>
      (find.get(token, julianDay(now)) as { data: Uint8Array } | undefined)?.data,
    commit: (token, data, expiry) => commit.run(token, data, julianDay(expiry)),
    replace(token, expected, next, now) {
      const values = [next.token, next.data, julianDay(next.expiry)]
      return replace.all(...values, token, expected, julianDay(now)).length > 0
    },
    async [Symbol.asyncDispose]() {
      client.close()
    },
  }
}

function julianDay(time: Date): number {
  return time.getTime() / 86_400_000 + 2_440_587.5
}
