import { DrizzleStore } from '@scs/drizzle-store'
import { describe, onTestFinished } from 'vitest'
import { createDatabase, isAvailable } from '../databases.ts'
import { type Driver, mysqlConnection, mysqlPool, nodePostgres, postgresJs } from '../drivers.ts'
import { startHoldingRelay } from './holding-relay.ts'
import { type LateWorld, testLateBytes } from './late-bytes.ts'

async function open(driver: Driver): Promise<LateWorld> {
  const database = await createDatabase(driver)
  const direct = await driver.open(database.address)
  const reliable = await DrizzleStore.create(direct.db, { cleanupInterval: 0 })
  const relay = await startHoldingRelay(new URL(database.address))
  const { db, close } = await driver.open(relay.address, 1)
  const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
  onTestFinished(async () => {
    // A connection of mysql2 that was lost cannot be closed any more.
    await close().catch(() => {})
    await relay.close()
    await direct.close()
    await database.drop()
  })
  return { store, relay, reliable }
}

for (const driver of [postgresJs, nodePostgres, mysqlPool, mysqlConnection]) {
  describe.skipIf(!isAvailable(driver))(`${driver.name}, bytes that arrive late`, () => {
    const reconnects = driver !== mysqlConnection
    testLateBytes(() => open(driver), { reconnects, resends: false })
  })
}
