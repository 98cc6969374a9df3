import { MemoryStore } from '@scs/core'
import { RedisStore } from '@scs/redis-store'
import { createClient } from 'redis'
import { type DatabaseName, openStore } from './open-store.ts'
import type { TrafficStore } from './traffic.ts'

/** What is flooded. */
export type FloodedName = 'memory' | 'redis' | DatabaseName

/** A store with its own cleanup, every option at its default. */
export interface FloodedStore extends AsyncDisposable {
  readonly store: TrafficStore
  /** Rows, and those of them that live, where the store can tell. */
  count(): Promise<Rows>
}

export interface Rows {
  readonly all: number
  readonly live?: number
}

/** Opens a store at the address; with `cleans: false` it never cleans up. */
export async function openFlooded(
  name: FloodedName,
  address: string,
  cleans = true,
): Promise<FloodedStore> {
  if (name === 'memory') return openMemory()
  if (name === 'redis') return openRedis(address)
  const opened = await openStore(name, address, cleans ? 'default' : 0)
  return {
    store: opened.store,
    count: async () => ({ all: await opened.count(), live: await opened.countLive() }),
    async [Symbol.asyncDispose]() {
      await opened.store.stopCleanup()
      await opened[Symbol.asyncDispose]()
    },
  }
}

// A store does not tell how many expired sessions it holds: each of them is an entry of a Map under a token.
function openMemory(): FloodedStore {
  let all = 0
  const isToken = (key: unknown) => typeof key === 'string' && key.length === 43
  const { set, delete: remove } = Map.prototype
  Map.prototype.set = function (key, value) {
    if (isToken(key) && !this.has(key)) all++
    return set.call(this, key, value)
  }
  Map.prototype.delete = function (key) {
    const done = remove.call(this, key)
    if (done && isToken(key)) all--
    return done
  }
  const store = new MemoryStore()
  return {
    store: {
      findCtx: (_ctx, token) => store.find(token),
      commitCtx: (_ctx, ...row) => store.commit(...row),
      touch: (...call) => store.touch(...call),
    },
    count: async () => ({ all }),
    [Symbol.asyncDispose]: () => store.stopCleanup(),
  }
}

// Redis does not tell either how many of its keys have expired and are still there.
async function openRedis(url: string): Promise<FloodedStore> {
  const client = await createClient({ url }).connect()
  return {
    store: new RedisStore(client),
    count: async () => ({ all: await client.dbSize() }),
    [Symbol.asyncDispose]: () => client.close(),
  }
}
