import {
  type Context,
  type CtxStore,
  contextOf,
  hour,
  MemoryStore,
  ResolvedStore,
  SessionManager,
  type SessionStore,
} from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { RedisStore } from '@scs/redis-store'
import SQLite from 'better-sqlite3'
import { drizzle as drizzleSqlite } from 'drizzle-orm/better-sqlite3'
import { drizzle as drizzleMysql } from 'drizzle-orm/mysql2'
import { drizzle as drizzlePostgres } from 'drizzle-orm/postgres-js'
import { createPool, type Pool } from 'mysql2'
import postgres from 'postgres'
import { createClient, createCluster } from 'redis'
import type { ServerPlan } from './contestants.ts'
import type { Library, Session } from './sessions.ts'

/** This project's sessions. */
export async function openScs(plan: ServerPlan): Promise<Library> {
  const whole = await openStore(plan)
  const store: SessionStore = plan.atomic ? whole : withoutAtomicMethods(whole)
  return {
    listener(handler, idle) {
      const manager = new SessionManager({
        store,
        ...(idle ? { idleTimeout: hour, touchInterval: 0 } : {}),
        // A request that finds its session revoked is what is measured, not a fault.
        onError: () => {},
      })
      return manager.loadAndSave((req, res) =>
        handler(sessionOf(manager, contextOf(req)), req, res),
      )
    },
  }
}

async function openStore({
  store,
  address,
  index,
}: ServerPlan): Promise<MemoryStore | DrizzleStore | RedisStore> {
  const options = { cleanupInterval: 0 }
  const addresses = address.split(' ')
  switch (store) {
    case 'memory':
      return new MemoryStore(options)
    case 'sqlite':
      return DrizzleStore.create(drizzleSqlite({ client: new SQLite(address) }), options)
    case 'postgres':
      return DrizzleStore.create(
        drizzlePostgres({ client: postgres(address, { fetch_types: false }) }),
        options,
      )
    case 'mariadb':
      return DrizzleStore.create(drizzleMysql({ client: createPool(address) }), options)
    case 'galera':
      return DrizzleStore.create(
        drizzleMysql({ client: galeraPool(addresses[index] ?? '') }),
        options,
      )
    case 'redis':
      return new RedisStore(await createClient({ url: address }).connect())
    case 'redis-cluster': {
      const rootNodes = addresses.map((url) => ({ url }))
      return new RedisStore(await createCluster({ rootNodes }).connect())
    }
  }
}

// What one node commits, the others are to see: docs/choosing-a-store.md.
function galeraPool(address: string): Pool {
  const pool = createPool(address)
  pool.on('connection', (connection) => {
    connection.query('set session wsrep_sync_wait = 7')
  })
  return pool
}

// The same store as it would be without them: the manager then writes whole sessions, and the last writer wins.
function withoutAtomicMethods(store: SessionStore): CtxStore {
  const { find, commit, delete: remove } = new ResolvedStore(store)
  return { findCtx: find, commitCtx: commit, deleteCtx: remove }
}

function sessionOf(manager: SessionManager, ctx: Context): Session {
  return {
    get: (key) => manager.get(ctx, key),
    put: (key, value) => manager.put(ctx, key, value),
    add: (key) => manager.update(ctx, key, (n) => Number(n ?? 0) + 1),
    keys: () => manager.keys(ctx),
    destroy: () => manager.destroy(ctx),
  }
}
