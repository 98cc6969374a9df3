// One of several server processes, on a primary and its replica.
import { DrizzleStore } from '@scs/drizzle-store'
import { serveUpdates } from '../test/faults/serve-updates.ts'
import { openPair } from './postgres-client.ts'

const [, address = ''] = process.argv.slice(2)
const { db, close } = openPair(address, 5)
serveUpdates(await DrizzleStore.create(db, { cleanupInterval: 0 }), close)
