import { drizzle } from 'drizzle-orm/mysql2'
import { createPool } from 'mysql2'
import type { Opened } from '../test/drivers.ts'

/** A pool of connections to one node of a cluster. */
export interface GaleraClient extends Opened {
  /** Has heard of every query of `db`. */
  readonly queries: string[]
}

/** What each connection says first: it is to see all that was committed before, on whatever node. */
export const causality = 'set session wsrep_sync_wait = 7'

/** Opens a pool as an application on a cluster does; each of its connections runs `first` before anything else. */
export function openGalera(address: string, first = causality, connections = 10): GaleraClient {
  const client = createPool({ uri: address, connectionLimit: connections })
  client.on('connection', (connection) => {
    // Before what the connection was opened for. Where it fails, the connection is of no use.
    connection.query(first, (error: unknown) => {
      if (error) connection.destroy()
    })
  })
  const queries: string[] = []
  const db = drizzle({ client, logger: { logQuery: (query) => queries.push(query) } })
  return {
    db,
    queries,
    run: (statement) => db.execute(statement),
    close: () => client.promise().end(),
  }
}
