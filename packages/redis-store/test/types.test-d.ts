import type { AtomicStore, CtxStore, ScannableStore, SessionStore } from '@scs/core'
import { SessionManager } from '@scs/core'
import { RedisStore } from '@scs/redis-store'
import { Cluster, Redis } from 'ioredis'
import { createClient, createClientPool, createCluster, createSentinel, RESP_TYPES } from 'redis'
import { expectTypeOf, test } from 'vitest'

test('a store is one of @scs/core, with a context in every method', () => {
  expectTypeOf<RedisStore>().toExtend<SessionStore>()
  expectTypeOf<RedisStore>().toExtend<CtxStore & AtomicStore & ScannableStore>()
  expectTypeOf<RedisStore>().not.toHaveProperty('find')
  expectTypeOf<RedisStore>().not.toHaveProperty('all')
  new SessionManager({ store: new RedisStore(createClient()) })
})

test('it takes every client of redis but a sentinel, and those of ioredis', () => {
  new RedisStore(createClient())
  new RedisStore(createClient({ url: 'redis://localhost', RESP: 2, database: 1 }))
  new RedisStore(createClient().withTypeMapping({ [RESP_TYPES.NUMBER]: String }))
  new RedisStore(createClientPool())
  new RedisStore(createClientPool({ RESP: 3 }, { minimum: 2 }))
  new RedisStore(createCluster({ rootNodes: [] }))
  new RedisStore(createCluster({ rootNodes: [], useReplicas: true, RESP: 3 }))
  new RedisStore(new Redis())
  new RedisStore(new Cluster([]), { prefix: '{sessions}:' })
  // @ts-expect-error a sentinel sends commands again, and does not tell
  new RedisStore(createSentinel({ name: 'main', sentinelRootNodes: [] }))
})

test('and nothing else', () => {
  // @ts-expect-error
  new RedisStore()
  // @ts-expect-error
  new RedisStore('redis://localhost')
  // @ts-expect-error
  new RedisStore({})
  // @ts-expect-error
  new RedisStore(Promise.resolve(createClient()))
  // @ts-expect-error
  new RedisStore(createClient().multi())
  // @ts-expect-error
  new RedisStore(createClient(), { prefix: 1 })
  // @ts-expect-error
  new RedisStore(createClient(), { ttl: 86_400 })
  new RedisStore(createClient(), { prefix: undefined })
})

test('a promise of a client that connects, awaited', async () => {
  new RedisStore(await createClient().connect())
  new RedisStore(await createCluster({ rootNodes: [] }).connect())
})
