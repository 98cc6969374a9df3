import { sql } from 'drizzle-orm'
import { mariadb } from '../../../../test/servers/mariadb.ts'
import { postgres } from '../../../../test/servers/postgres.ts'
import { type PrivateServer, startPrivateServer } from '../../../../test/servers/private-server.ts'
import type { TestServer } from '../../../../test/servers/test-server.ts'
import type { DialectName, Driver } from '../drivers.ts'

const servers: Partial<Record<DialectName, TestServer>> = { pg: postgres, mysql: mariadb }

// Over the options of the servers of other tests, which give up more. What is committed is with the operating system,
// and survives the server; nothing is synced, as the machine itself does not crash. A kill can cut the write of a page
// in two, and what repairs that is on again.
const durable: Partial<Record<DialectName, readonly string[]>> = {
  pg: ['-c', 'synchronous_commit=on', '-c', 'full_page_writes=on'],
  mysql: ['--innodb-flush-log-at-trx-commit=2', '--innodb-doublewrite=1'],
}

/** Whether this machine has the programs of the driver's database. */
export function canCrash(driver: Driver): boolean {
  return servers[driver.dialect]?.recipe() !== undefined
}

/** A server of its own, that may be killed, with an empty database. */
export interface CrashingDatabase {
  readonly address: string
  readonly server: PrivateServer
}

/** Starts the driver's database so that a killed server loses nothing that it has committed. */
export async function startCrashingDatabase(driver: Driver): Promise<CrashingDatabase> {
  const kind = servers[driver.dialect]
  const recipe = kind?.recipe()
  if (kind === undefined || recipe === undefined) throw new Error(`no server for ${driver.name}`)
  const server = await startPrivateServer({
    ...recipe,
    serve: (directory, port) => [
      ...recipe.serve(directory, port),
      ...(durable[driver.dialect] ?? []),
    ],
  })
  const url = kind.url(server.port)
  const admin = await driver.open(url, 1)
  await admin.run(sql.raw('create database sessions'))
  await admin.close()
  return { address: new URL('/sessions', url).href, server }
}
