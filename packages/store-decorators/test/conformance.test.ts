import type { AtomicStore, SessionStore } from '@scs/core'
import { cachedStore, migratingStore } from '@scs/store-decorators'
import { testStore } from '@scs/store-tests'
import { describe, it } from 'vitest'
import { memory, plain, sqlite } from './stores.ts'

const runner = { describe, it }
const without = ['all', 'extras'] as const
const cached = (store: SessionStore & AtomicStore) => cachedStore(store, { maxAge: 3_600_000 })
// An absorbed session of the other store is deleted first.
const inSteps = (store: SessionStore) => ({ store, absorbsInSteps: true })

testStore(runner, 'a cache before MemoryStore', () => cached(memory()), { without })
testStore(runner, 'a cache before SQLite', async () => cached(await sqlite()), { without })
testStore(
  runner,
  'a cache that has room for two sessions',
  () => cachedStore(memory(), { maxAge: 3_600_000, maxEntries: 2 }),
  { without },
)

testStore(
  runner,
  'from SQLite to MemoryStore',
  async () => inSteps(migratingStore({ from: await sqlite(), to: memory() })),
  { without },
)
testStore(
  runner,
  'from MemoryStore to SQLite',
  async () => inSteps(migratingStore({ from: memory(), to: await sqlite() })),
  { without },
)
testStore(
  runner,
  'from SQLite to MemoryStore, for sessions that are in SQLite',
  async () => {
    const from = await sqlite()
    const store = migratingStore({ from, to: memory() })
    return inSteps({ ...store, commitCtx: from.commitCtx.bind(from) })
  },
  { without },
)
testStore(
  runner,
  'from a plain store to a plain store',
  () => migratingStore({ from: plain(memory()), to: plain(memory()) }),
  { without: ['atomic', 'scan', ...without] },
)
testStore(
  runner,
  'from a plain store to a plain store, for sessions that are in the old one',
  () => {
    const from = memory()
    const store = migratingStore({ from: plain(from), to: plain(memory()) })
    return { ...store, commitCtx: (_ctx, ...row) => from.commit(...row) }
  },
  { without: ['atomic', 'scan', ...without] },
)
testStore(
  runner,
  'a cache before two stores',
  async () => inSteps(cached(migratingStore({ from: await sqlite(), to: memory() }))),
  { without },
)
