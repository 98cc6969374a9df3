import {
  type AtomicStore,
  type CtxStore,
  MemoryStore,
  type ScannableStore,
  SessionManager,
} from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { cachedStore, migratingStore } from '@scs/store-decorators'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { expectTypeOf, test } from 'vitest'
import { plain } from './stores.ts'

const store = new MemoryStore()

test('a cache is a store, and takes one with the atomic methods', async () => {
  expectTypeOf(cachedStore(store, { maxAge: 5_000 })).toEqualTypeOf<
    CtxStore & AtomicStore & Partial<ScannableStore>
  >()
  new SessionManager({ store: cachedStore(store, { maxAge: 5_000 }) })
  cachedStore(await DrizzleStore.create(drizzle(':memory:')), { maxAge: 5_000 })
  cachedStore(store, { maxAge: 5_000, maxEntries: undefined, maxBytes: undefined })
  // @ts-expect-error it has none
  cachedStore(plain(store), { maxAge: 5_000 })
  // @ts-expect-error how old a session may be is for the application to say
  cachedStore(store)
})

test('a migration has the atomic methods when both stores have them', () => {
  expectTypeOf(migratingStore({ from: store, to: store })).toEqualTypeOf<
    CtxStore & AtomicStore & Partial<ScannableStore>
  >()
  expectTypeOf(migratingStore({ from: plain(store), to: store })).toEqualTypeOf<
    CtxStore & Partial<ScannableStore>
  >()
  new SessionManager({ store: migratingStore({ from: plain(store), to: plain(store) }) })
  cachedStore(migratingStore({ from: store, to: store }), { maxAge: 5_000 })
  // @ts-expect-error two stores
  migratingStore({ from: store })
})
