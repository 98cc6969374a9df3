// One of several server processes on one database.
import { DrizzleStore } from '@scs/drizzle-store'
import { driverCalled } from '../drivers.ts'
import { serveUpdates } from './serve-updates.ts'

const [name, address = ''] = process.argv.slice(2)
const driver = driverCalled(name)

const { db, close } = await driver.open(address, 5)
serveUpdates(await DrizzleStore.create(db, { cleanupInterval: 0 }), close)
