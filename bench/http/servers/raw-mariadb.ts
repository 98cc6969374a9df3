import { createPool, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise'
import type { Statements } from './raw-statements.ts'

/** On MariaDB. `execute` prepares each statement once on each connection. */
export function mariadbStatements(address: string): Statements {
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
        [token, data as Buffer, expiry],
      ),
    async replace(token, expected, next, now) {
      const [{ affectedRows }] = await pool.execute<ResultSetHeader>(
        'update sessions set token = ?, data = ?, expiry = ? where token = ? and data = ? and expiry > ?',
        [next.token, next.data as Buffer, next.expiry, token, expected as Buffer, now],
      )
      return affectedRows > 0
    },
    [Symbol.asyncDispose]: () => pool.end(),
  }
}
