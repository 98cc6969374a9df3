import { DrizzleStore } from '@scs/drizzle-store'
import SQLite from 'better-sqlite3'
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
  run(statement: string): Promise<unknown>
}

export async function openStore(database: DatabaseName, address: string): Promise<OpenStore> {
  const options = { cleanupInterval: 0 }
  switch (database) {
    case 'postgres': {
      const client = postgres(address, { onnotice: () => {} })
      return {
        store: await DrizzleStore.create(drizzlePostgres({ client }), options),
        run: (statement) => client.unsafe(statement),
        [Symbol.asyncDispose]: () => client.end(),
      }
    }
    case 'mariadb': {
      const client = createPool(address)
      return {
        store: await DrizzleStore.create(drizzleMysql({ client }), options),
        run: (statement) => client.query(statement),
        [Symbol.asyncDispose]: () => client.end(),
      }
    }
    case 'sqlite': {
      const client = new SQLite(address)
      return {
        store: await DrizzleStore.create(drizzleSqlite({ client }), options),
        run: async (statement) => client.exec(statement),
        async [Symbol.asyncDispose]() {
          client.close()
        },
      }
    }
  }
}
