import { contextOf, SessionManager } from '@scs/core'
import type { DrizzleStore } from '@scs/drizzle-store'
import { type StoreTarget, testStore } from '@scs/store-tests'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  canStartPgBouncer,
  type PgBouncer,
  startPgBouncer,
} from '../../../test/servers/pgbouncer.ts'
import { Client } from '../../core/test/support/client.ts'
import { serve } from '../../core/test/support/servers.ts'
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

for (const { name, driver, prepare } of ways) {
  describe.skipIf(!isHere)(`PgBouncer in transaction mode, ${name}`, () => {
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

    it('400 requests of 20 clients are all answered, and each is counted', async () => {
      const manager = new SessionManager({ store })
      await using server = await serve(
        manager.loadAndSave((req, res) => {
          const ctx = contextOf(req)
          manager.update(ctx, 'visits', (visits) => Number(visits ?? 0) + 1)
          res.end(String(manager.get(ctx, 'visits')))
        }),
      )
      const clients = Array.from({ length: 20 }, () => new Client(server.url))
      const answers = await Promise.all(
        clients.map(async (client) => {
          const answers: string[] = []
          for (let n = 0; n < 20; n++) {
            const { status, body } = await client.get('/')
            answers.push(`${status} ${body}`)
          }
          return answers
        }),
      )
      const expected = Array.from({ length: 20 }, (_, n) => `200 ${n + 1}`)
      expect(answers).toEqual(Array(20).fill(expected))
    })

    testStore({ describe, it }, 'keeps the promises of a store', () => target)
  })
}
