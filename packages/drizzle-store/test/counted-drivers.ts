import type { AnyDrizzleDatabase } from '@scs/drizzle-store'
import { betterSqlite3, type Driver, mysqlPool, nodePostgres, postgresJs } from './drivers.ts'

/** A driver that tells of each statement about sessions that it sends to its database. */
export interface CountedDriver {
  readonly driver: Driver
  open(address: string, onQuery: () => void): Promise<CountedDatabase>
}

export interface CountedDatabase {
  readonly db: AnyDrizzleDatabase
  close(): Promise<void>
}

const countedPostgresJs: CountedDriver = {
  driver: postgresJs,
  async open(address, onQuery) {
    const { default: postgres } = await import('postgres')
    const { drizzle } = await import('drizzle-orm/postgres-js')
    const debug = (_connection: number, query: string) => tellOf(query, onQuery)
    const client = postgres(address, { debug, fetch_types: false })
    return { db: drizzle({ client }), close: () => client.end({ timeout: 1 }) }
  },
}

const countedNodePostgres: CountedDriver = {
  driver: nodePostgres,
  async open(address, onQuery) {
    const { default: pg } = await import('pg')
    const { drizzle } = await import('drizzle-orm/node-postgres')
    const client = new pg.Pool({ connectionString: address })
    client.on('error', () => {})
    client.on('connect', (connection) => tap(connection, onQuery))
    return { db: drizzle({ client }), close: () => client.end() }
  },
}

const countedMysql: CountedDriver = {
  driver: mysqlPool,
  async open(address, onQuery) {
    const { createPool } = await import('mysql2/promise')
    const { drizzle } = await import('drizzle-orm/mysql2')
    const client = createPool(address)
    client.on('connection', (connection) => tap(connection, onQuery))
    return { db: drizzle({ client }), close: () => client.end() }
  },
}

const countedSqlite: CountedDriver = {
  driver: betterSqlite3,
  async open(address, onQuery) {
    const { default: SQLite } = await import('better-sqlite3')
    const { drizzle } = await import('drizzle-orm/better-sqlite3')
    const client = new SQLite(address, { verbose: (query) => tellOf(query, onQuery) })
    // The data lives as long as the test.
    client.pragma('synchronous = off')
    return {
      db: drizzle({ client }),
      close: async () => {
        client.close()
      },
    }
  },
}

export const countedDrivers: readonly CountedDriver[] = [
  countedPostgresJs,
  countedNodePostgres,
  countedMysql,
  countedSqlite,
]

// Drivers send queries of their own when they connect.
function tellOf(query: unknown, onQuery: () => void): void {
  if (JSON.stringify(query).includes('sessions')) onQuery()
}

// Neither driver tells of its queries: those of each connection are counted.
function tap(connection: object, onQuery: () => void): void {
  for (const method of ['query', 'execute']) {
    const original: unknown = Reflect.get(connection, method)
    if (typeof original !== 'function') continue
    Reflect.set(connection, method, (...args: unknown[]) => {
      tellOf(textOf(args[0]), onQuery)
      return Reflect.apply(original, connection, args)
    })
  }
}

function textOf(query: unknown): unknown {
  if (typeof query !== 'object' || query === null) return query
  return 'text' in query ? query.text : Reflect.get(query, 'sql')
}
