import type { ServerPlan } from '../contestants.ts'

/** The statements that our store sends, prepared where the driver can, and sent by the driver alone. */
export interface Statements extends AsyncDisposable {
  find(token: string, now: Date): Uint8Array | undefined | Promise<Uint8Array | undefined>
  /** The upsert: of a session that begins, and of stores that do not compare. */
  commit(token: string, data: Uint8Array, expiry: Date): unknown
  /** The compare-and-swap of every other write, and of a login; `false` where another session, or none, is there. */
  replace(token: string, expected: Uint8Array, next: Row, now: Date): boolean | Promise<boolean>
}

/** A session as it is to be. */
export interface Row {
  readonly token: string
  readonly data: Uint8Array
  readonly expiry: Date
}

/** Those of the plan's database. */
export async function openStatements({
  store,
  address,
}: Pick<ServerPlan, 'store' | 'address'>): Promise<Statements> {
  switch (store) {
    case 'postgres':
      return (await import('./raw-postgres.ts')).postgresStatements(address)
    case 'redis':
      return (await import('./raw-redis.ts')).redisStatements(address)
    case 'sqlite':
      return (await import('./raw-sqlite.ts')).sqliteStatements(address)
    case 'mariadb':
      return (await import('./raw-mariadb.ts')).mariadbStatements(address)
    default:
      throw new Error(`${store} has no statements`)
  }
}
