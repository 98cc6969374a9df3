// Counts what a request costs, and prints it as JSON. In a process of its own, as its counts are the process's.
import { createHook } from 'node:async_hooks'
import { MemoryStore } from '../../src/index.ts'
import { Client } from './client.ts'
import { type Listener, type Path, paths, withoutSessions, withSessions } from './paths.ts'

/** What one request costs, on average. */
export interface Cost {
  /** Methods of the store, in the order in which the last request called them. */
  readonly storeCalls: readonly string[]
  /** Promises that were made, those of Node among them. */
  readonly promises: number
  /** Bytes on JavaScript's heap beyond those of the same server without sessions. */
  readonly bytes: number
}

const requests = 500

let storeCalls: string[] = []
const costs: Partial<Record<Path, Cost>> = {}
for (const path of paths) costs[path] = await costOf(path)
console.log(JSON.stringify(costs))

async function costOf(path: Path): Promise<Cost> {
  const bare = await measure(withoutSessions, path)
  const ours = await measure(withSessions(countedStore()), path)
  return {
    storeCalls,
    promises: ours.promises - bare.promises,
    bytes: Math.round(ours.bytes - bare.bytes),
  }
}

async function measure(listener: Listener, path: Path) {
  const client = await Client.of(listener)
  const cookie = path === '/no-cookie' || path === '/visit' ? '' : await client.send(1, '/visit')
  // What is made at the first requests alone is nobody's cost.
  await client.send(requests, path, cookie)

  gc?.()
  const before = process.memoryUsage().heapUsed
  await client.send(requests, path, cookie)
  const bytes = (process.memoryUsage().heapUsed - before) / requests

  let made = 0
  const hook = createHook({
    init(_id, type) {
      if (type === 'PROMISE') made++
    },
  }).enable()
  await client.send(requests, path, cookie)
  hook.disable()

  storeCalls = []
  await client.send(1, path, cookie)
  client.close()
  // The one that `send` makes itself is none of a request.
  return { bytes, promises: Math.floor(made / requests) }
}

/** A MemoryStore that tells of each call. */
function countedStore(): MemoryStore {
  return new Proxy(new MemoryStore({ cleanupInterval: 0 }), {
    get(store, name) {
      const method: unknown = Reflect.get(store, name)
      if (typeof method !== 'function') return method
      return (...args: unknown[]) => {
        storeCalls.push(String(name))
        return Reflect.apply(method, store, args)
      }
    },
  })
}
