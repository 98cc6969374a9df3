import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import type { Opened } from '../test/drivers.ts'

/** Opens a pool as an application with a primary and a replica does: `address` has both, in any order. */
export function openPair(address: string, connections = 10): Opened {
  const client = postgres(address, {
    max: connections,
    fetch_types: false,
    // Its 'read-write' takes a replica too, whose transactions could write by default if it were no replica.
    target_session_attrs: 'primary',
    // Its default waits longer with each attempt to connect, up to 20 seconds.
    backoff: () => 0.05,
  })
  const db = drizzle({ client })
  return { db, run: (statement) => db.execute(statement), close: () => client.end({ timeout: 1 }) }
}
