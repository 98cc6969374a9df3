// One of several server processes, on one node of a cluster.
import { DrizzleStore } from '@scs/drizzle-store'
import { serveUpdates } from '../test/faults/serve-updates.ts'
import { causality, openGalera } from './galera-client.ts'

const [, address = ''] = process.argv.slice(2)
const { db, close } = openGalera(address, causality, 5)
serveUpdates(await DrizzleStore.create(db, { cleanupInterval: 0 }), close)
