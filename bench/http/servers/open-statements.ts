import type { ServerPlan } from '../contestants.ts'
import type { Statements } from './raw-statements.ts'

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
