import { MemoryStore, type SessionStore } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'

/** A store with the connection beneath it. */
export interface OpenStore {
  readonly store: SessionStore
  readonly close: () => unknown
}

/** The store that `url` names; a driver is only loaded when it is used. Rejects when the database does not answer. */
export async function openStore(url: string): Promise<OpenStore> {
  const scheme = url.slice(0, url.indexOf(':'))

  switch (scheme) {
    case 'memory':
      return { store: new MemoryStore(), close() {} }

    case 'sqlite': {
      const { default: Database } = await import('better-sqlite3')
      const { drizzle } = await import('drizzle-orm/better-sqlite3')
      const client = new Database(url.slice('sqlite:'.length))
      const store = await DrizzleStore.create(drizzle({ client }))
      return { store, close: () => client.close() }
    }

    case 'postgres':
    case 'postgresql': {
      const { default: pg } = await import('pg')
      const { drizzle } = await import('drizzle-orm/node-postgres')
      const client = new pg.Pool({ connectionString: url })
      // A connection that breaks while it is idle; the pool opens another.
      client.on('error', (error) => console.error(error.message))
      const store = await DrizzleStore.create(drizzle({ client }))
      return { store, close: () => client.end() }
    }

    case 'mysql': {
      const { createPool } = await import('mysql2/promise')
      const { drizzle } = await import('drizzle-orm/mysql2')
      const client = createPool(url)
      const store = await DrizzleStore.create(drizzle({ client }))
      return { store, close: () => client.end() }
    }

    default:
      throw new TypeError('STORE_URL must begin with memory:, sqlite:, postgres: or mysql:')
  }
}
