import { type AtomicStore, MemoryStore, SessionManager, type SessionStore } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { CachedStore, migratingStore } from '@scs/store-decorators'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { expectTypeOf, test } from 'vitest'
import { plain } from './stores.ts'

const store = new MemoryStore()

test('a cache is a store, and takes one with the atomic methods', async () => {
  expectTypeOf<CachedStore>().toExtend<SessionStore & AtomicStore>()
  new SessionManager({ store: new CachedStore(store, { maxAge: 5_000 }) })
  new CachedStore(await DrizzleStore.create(drizzle(':memory:')), { maxAge: 5_000 })
  new CachedStore(store, { maxAge: 5_000, maxEntries: undefined, maxBytes: undefined })
  // @ts-expect-error it has none
  new CachedStore(plain(store), { maxAge: 5_000 })
  // @ts-expect-error how old a session may be is for the application to say
  new CachedStore(store)
})

test('a migration has the atomic methods when both stores have them', () => {
  expectTypeOf(migratingStore({ from: store, to: store })).toExtend<SessionStore & AtomicStore>()
  expectTypeOf(migratingStore({ from: plain(store), to: store })).toEqualTypeOf<SessionStore>()
  new SessionManager({ store: migratingStore({ from: plain(store), to: plain(store) }) })
  new CachedStore(migratingStore({ from: store, to: store }), { maxAge: 5_000 })
  // @ts-expect-error two stores
  migratingStore({ from: store })
})
