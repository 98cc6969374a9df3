import type { DrizzleStore } from '@scs/drizzle-store'
import type { StoreTarget } from '@scs/store-tests'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { afterAll, beforeAll, describe } from 'vitest'
import {
  canStartPgBouncer,
  type PgBouncer,
  startPgBouncer,
} from '../../../test/servers/pgbouncer.ts'
import { createDatabase, isAvailable, serverUrl, type TestDatabase } from './databases.ts'
import { type Driver, nodePostgres, postgresJs } from './drivers.ts'
import { withExtras } from './with-extras.ts'

// The statements of a request go to any of these.
const connections = 4

/** A way to tell that connections keep no statements. */
interface Way {
  readonly name: string
  readonly driver: Driver
  readonly prepare?: boolean
}

const unpreparedPostgresJs: Driver = {
  ...postgresJs,
  async open(address) {
    const client = postgres(address, { prepare: false, fetch_types: false })
    const db = drizzle({ client })
    return {
      db,
      run: (statement) => db.execute(statement),
      close: () => client.end({ timeout: 1 }),
    }
  },
}

const ways: readonly Way[] = [
  { name: 'node-postgres, the option prepare', driver: nodePostgres, prepare: false },
  { name: 'postgres.js, the option prepare', driver: postgresJs, prepare: false },
  { name: "postgres.js, the client's own prepare", driver: unpreparedPostgresJs },
]

const isHere = canStartPgBouncer() && isAvailable(nodePostgres)

/** Describes tests of a store behind PgBouncer, with each driver and each way to run statements without a name. */
export function describeBehindPgBouncer(
  define: (store: () => DrizzleStore, target: () => StoreTarget) => void,
): void {
  describe.skipIf(!isHere).each(ways)(
    'PgBouncer in transaction mode, $name',
    ({ driver, prepare }) => {
      let database: TestDatabase
      let bouncer: PgBouncer
      let close: () => Promise<void>
      let store: DrizzleStore
      let target: StoreTarget

      beforeAll(async () => {
        database = await createDatabase(driver)
        bouncer = await startPgBouncer(new URL(serverUrl(driver) ?? ''), connections)
        const opened = await driver.open(bouncer.through(database.address), 20)
        close = opened.close
        const made = await withExtras(driver, opened, { prepare })
        target = made
        store = made.store
      })
      afterAll(async () => {
        await close?.()
        await bouncer?.stop()
        await database?.drop()
      })

      define(
        () => store,
        () => target,
      )
    },
  )
}
