import postgres from 'postgres'
import type { Statements } from './raw-statements.ts'

/** On PostgreSQL. postgres.js prepares each statement once on each connection. */
export function postgresStatements(address: string): Statements {
  const sql = postgres(address, { fetch_types: false })
  return {
    async find(token, now) {
      const [row] = await sql`select data from sessions where token = ${token} and expiry > ${now}`
      return row?.data
    },
    commit: (token, data, expiry) =>
      sql`insert into sessions (token, data, expiry) values (${token}, ${data}, ${expiry})
        on conflict (token) do update set data = excluded.data, expiry = excluded.expiry`.execute(),
    async replace(token, expected, next, now) {
      const rows = await sql`update sessions
        set token = ${next.token}, data = ${next.data}, expiry = ${next.expiry}
        where token = ${token} and data = ${expected} and expiry > ${now} returning token`
      return rows.length > 0
    },
    [Symbol.asyncDispose]: () => sql.end(),
  }
}
