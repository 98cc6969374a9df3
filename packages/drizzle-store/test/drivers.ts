import type { AnyDrizzleDatabase } from '@scs/drizzle-store'
import type { SQL } from 'drizzle-orm'
import { ofThisPart } from '../../../test/part.ts'

export type DialectName = 'pg' | 'mysql' | 'sqlite'

/** A connection of one driver to one database. */
export interface Opened {
  readonly db: AnyDrizzleDatabase
  /** Runs one statement. */
  run(statement: SQL): Promise<unknown>
  close(): Promise<void>
}

/** One of the drivers that the store must work with, loaded when it is opened. */
export interface Driver {
  readonly name: string
  readonly dialect: DialectName
  /** `address` is a URL or the name of a file; `connections` is for those that have a pool. */
  open(address: string, connections?: number): Promise<Opened>
}

export const postgresJs: Driver = {
  name: 'postgres.js',
  dialect: 'pg',
  async open(address, connections = 10) {
    const { default: postgres } = await import('postgres')
    const { drizzle } = await import('drizzle-orm/postgres-js')
    // Its default waits longer with each attempt to connect, up to 20 seconds.
    const client = postgres(address, {
      max: connections,
      // Otherwise, a connection that breaks while it fetches them ends the process.
      fetch_types: false,
      // Its default writes each to the console.
      onnotice: () => {},
      backoff: () => 0.01,
    })
    const db = drizzle({ client })
    // Without a timeout it may wait for ever for a connection that failed.
    return {
      db,
      run: (statement) => db.execute(statement),
      close: () => client.end({ timeout: 1 }),
    }
  },
}

export const nodePostgres: Driver = {
  name: 'node-postgres',
  dialect: 'pg',
  async open(address, connections = 10) {
    const { default: pg } = await import('pg')
    const { drizzle } = await import('drizzle-orm/node-postgres')
    const client = new pg.Pool({ connectionString: address, max: connections })
    client.on('error', () => {})
    const db = drizzle({ client })
    return { db, run: (statement) => db.execute(statement), close: () => client.end() }
  },
}

export const pglite: Driver = {
  name: 'PGlite',
  dialect: 'pg',
  async open() {
    const { PGlite } = await import('@electric-sql/pglite')
    const { drizzle } = await import('drizzle-orm/pglite')
    const client = await PGlite.create()
    const db = drizzle({ client })
    return { db, run: (statement) => db.execute(statement), close: () => client.close() }
  },
}

export const mysqlPool: Driver = {
  name: 'mysql2 pool',
  dialect: 'mysql',
  async open(address, connections = 10) {
    const { createPool } = await import('mysql2/promise')
    const { drizzle } = await import('drizzle-orm/mysql2')
    const client = createPool({ uri: address, connectionLimit: connections })
    const db = drizzle({ client })
    return { db, run: (statement) => db.execute(statement), close: () => client.end() }
  },
}

export const mysqlConnection: Driver = {
  name: 'mysql2 connection',
  dialect: 'mysql',
  async open(address) {
    const { createConnection } = await import('mysql2/promise')
    const { drizzle } = await import('drizzle-orm/mysql2')
    const client = await createConnection(address)
    const db = drizzle({ client })
    return { db, run: (statement) => db.execute(statement), close: () => client.end() }
  },
}

export const betterSqlite3: Driver = {
  name: 'better-sqlite3',
  dialect: 'sqlite',
  async open(address) {
    const { default: SQLite } = await import('better-sqlite3')
    const { drizzle } = await import('drizzle-orm/better-sqlite3')
    const client = new SQLite(address)
    client.pragma('foreign_keys = ON')
    const db = drizzle({ client })
    return {
      db,
      run: async (statement) => db.run(statement),
      close: async () => {
        client.close()
      },
    }
  },
}

export const libsql: Driver = {
  name: 'libsql',
  dialect: 'sqlite',
  async open(address) {
    const { createClient } = await import('@libsql/client')
    const { drizzle } = await import('drizzle-orm/libsql')
    const client = createClient({ url: `file:${address}`, timeout: 10_000 })
    await client.execute('PRAGMA foreign_keys = ON')
    const db = drizzle({ client })
    return { db, run: (statement) => db.run(statement), close: async () => client.close() }
  },
}

/** All of them. */
export const allDrivers: readonly Driver[] = [
  postgresJs,
  nodePostgres,
  pglite,
  mysqlPool,
  mysqlConnection,
  betterSqlite3,
  libsql,
]

/** One driver of each dialect, for tests of what the dialects do. */
export const oneOfEach: readonly Driver[] = [postgresJs, mysqlPool, betterSqlite3]

/** Those of this part of the tests. */
export const drivers = ofThisPart(allDrivers, oneOfEach)

/** The driver of that name, whatever the part: for a process that a test starts. */
export function driverCalled(name: string | undefined): Driver {
  const driver = allDrivers.find((candidate) => candidate.name === name)
  if (driver === undefined) throw new Error(`no driver ${name}`)
  return driver
}
