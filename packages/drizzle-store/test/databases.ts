import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnyDrizzleDatabase } from '@scs/drizzle-store'
import { type SQL, sql } from 'drizzle-orm'
import { inject } from 'vitest'
import '../../../test/servers/provided-context.ts'
import { type Driver, type Opened, pglite } from './drivers.ts'

const serverUrls: Readonly<Record<string, string | undefined>> = {
  pg: inject('postgresUrl'),
  mysql: inject('mysqlUrl'),
}

/** Whether there is a server for the driver, or it needs none. */
export function isAvailable(driver: Driver): boolean {
  return driver === pglite || driver.dialect === 'sqlite' || serverUrl(driver) !== undefined
}

/** The URL of the driver's server. */
export function serverUrl(driver: Driver): string | undefined {
  return serverUrls[driver.dialect]
}

/** A new, empty database. */
export interface TestDatabase {
  /** A URL, or the name of a file. */
  readonly address: string
  drop(): Promise<void>
}

/** A database with a name of its own; for PGlite nothing is made, as each of its instances is a new one. */
export async function createDatabase(driver: Driver): Promise<TestDatabase> {
  if (driver.dialect === 'sqlite') {
    const folder = await mkdtemp(join(tmpdir(), 'scs-sqlite-'))
    return {
      address: join(folder, 'sessions.db'),
      drop: () => rm(folder, { recursive: true, force: true }),
    }
  }
  if (driver === pglite) return { address: '', drop: async () => {} }
  const name = `scs_${randomBytes(8).toString('hex')}`
  const url = new URL(serverUrl(driver) ?? '')
  await admin(driver, url.href, `create database ${name}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  const force = driver.dialect === 'pg' ? ' with (force)' : ''
  return {
    address: own.href,
    drop: () => admin(driver, url.href, `drop database ${name}${force}`),
  }
}

async function admin(driver: Driver, address: string, statement: string): Promise<void> {
  const { run, close } = await driver.open(address, 1)
  try {
    await run(sql.raw(statement))
  } finally {
    await close()
  }
}

/** A new database, opened; `close` drops it. */
export async function openNew(driver: Driver): Promise<Opened & { readonly address: string }> {
  const database = await createDatabase(driver)
  const opened = await driver.open(database.address)
  return {
    ...opened,
    address: database.address,
    async close() {
      await opened.close()
      await database.drop()
    },
  }
}

/** Rows of `from`, with the columns given as SQL; the same on every driver. */
export async function select<K extends string>(
  db: AnyDrizzleDatabase,
  columns: Readonly<Record<K, SQL>>,
  from: SQL,
): Promise<Record<K, unknown>[]> {
  const any = db as unknown as {
    select(columns: unknown): { from(table: SQL): PromiseLike<Record<K, unknown>[]> }
  }
  return any.select(columns).from(from)
}
