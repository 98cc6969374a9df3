import { DrizzleStore } from '@scs/drizzle-store'
import { sessions as mysqlSessions } from '@scs/drizzle-store/mysql'
import { sessions as pgSessions } from '@scs/drizzle-store/pg'
import { sessions as sqliteSessions } from '@scs/drizzle-store/sqlite'
import SQLite from 'better-sqlite3'
import { gt } from 'drizzle-orm'
import { drizzle as drizzleSqlite } from 'drizzle-orm/better-sqlite3'
import { drizzle as drizzleMysql } from 'drizzle-orm/mysql2'
import { drizzle as drizzlePostgres } from 'drizzle-orm/postgres-js'
import { createPool } from 'mysql2/promise'
import postgres from 'postgres'

/** The databases that grow. */
export type DatabaseName = 'postgres' | 'sqlite' | 'mariadb'

/** A store on a database, and the database itself. */
export interface OpenStore extends AsyncDisposable {
  readonly store: DrizzleStore
  /** The number of rows. */
  count(): Promise<number>
  /** The number of rows that have not expired. */
  countLive(): Promise<number>
  run(statement: string): Promise<unknown>
}

export async function openStore(
  database: DatabaseName,
  address: string,
  cleanupInterval: number | 'default' = 0,
): Promise<OpenStore> {
  const options = cleanupInterval === 'default' ? {} : { cleanupInterval }
  switch (database) {
    case 'postgres': {
      const client = postgres(address, { onnotice: () => {}, fetch_types: false })
      const db = drizzlePostgres({ client })
      return {
        store: await DrizzleStore.create(db, options),
        count: async () => db.$count(pgSessions),
        countLive: async () => db.$count(pgSessions, gt(pgSessions.expiry, new Date())),
        run: (statement) => client.unsafe(statement),
        [Symbol.asyncDispose]: () => client.end(),
      }
    }
    case 'mariadb': {
      const client = createPool(address)
      const db = drizzleMysql({ client })
      return {
        store: await DrizzleStore.create(db, options),
        count: async () => db.$count(mysqlSessions),
        countLive: async () => db.$count(mysqlSessions, gt(mysqlSessions.expiry, new Date())),
        run: (statement) => client.query(statement),
        [Symbol.asyncDispose]: () => client.end(),
      }
    }
    case 'sqlite': {
      const client = new SQLite(address)
      const db = drizzleSqlite({ client })
      return {
        store: await DrizzleStore.create(db, options),
        count: async () => db.$count(sqliteSessions),
        countLive: async () => db.$count(sqliteSessions, gt(sqliteSessions.expiry, new Date())),
        run: async (statement) => client.exec(statement),
        async [Symbol.asyncDispose]() {
          client.close()
        },
      }
    }
  }
}
