import { DrizzleStore } from '@scs/drizzle-store'
import SQLite from 'better-sqlite3'
import { drizzle as drizzleSqlite } from 'drizzle-orm/better-sqlite3'
import { drizzle as drizzleMysql } from 'drizzle-orm/mysql2'
import { drizzle as drizzlePostgres } from 'drizzle-orm/postgres-js'
import { createPool } from 'mysql2/promise'
import postgres from 'postgres'
import type { ServerPlan } from '../contestants.ts'

/** A store on the driver that the plan's database has here. */
export function openDrizzleStore({ store, address }: ServerPlan): Promise<DrizzleStore> {
  switch (store) {
    case 'sqlite':
      return DrizzleStore.create(drizzleSqlite({ client: new SQLite(address) }))
    case 'postgres':
      return DrizzleStore.create(
        drizzlePostgres({ client: postgres(address, { fetch_types: false }) }),
      )
    case 'mariadb':
      return DrizzleStore.create(drizzleMysql({ client: createPool(address) }))
    default:
      throw new Error(`${store} is no database of Drizzle's`)
  }
}
