// Counts what a request costs, and prints it as JSON. In a process of its own, as its counts are the process's.
import { createHook } from 'node:async_hooks'
import { MemoryStore, type SessionStore } from '../../src/index.ts'
import { type Case, type CaseName, cases } from './cases.ts'
import { Client } from './client.ts'
import { type Listener, type Path, withoutSessions, withSessions } from './paths.ts'

/** What one request costs, on average. */
export interface Cost {
  /** Methods of the store, in the order in which the last request called them. */
  readonly storeCalls: readonly string[]
  /** Promises that were made, those of Node among them. */
  readonly promises: number
  /**
   * Bytes on JavaScript's heap beyond those of the same server without sessions. Those of ArrayBuffers are beside the heap, and
   * not counted: they are given back at times that are not ours to choose, and differ from run to run.
   */
  readonly bytes: number
}

const requests = 100

let storeCalls: string[] = []
const costs: Partial<Record<CaseName, Cost>> = {}
for (const name of Object.keys(cases) as CaseName[]) costs[name] = await costOf(cases[name])
console.log(JSON.stringify(costs))

async function costOf({ path, options, isAsync = false }: Case): Promise<Cost> {
  const bare = await measure(withoutSessions, path)
  const ours = await measure(withSessions(countedStore(isAsync), options), path)
  return {
    storeCalls,
    promises: ours.promises - bare.promises,
    bytes: Math.round(ours.bytes - bare.bytes),
  }
}

async function measure(listener: Listener, path: Path) {
  const client = await Client.of(listener)
  let cookie = path === '/no-cookie' || path === '/visit' ? '' : await client.send(1, '/visit')
  const send = async (count: number) => {
    const last = await client.send(count, path, cookie)
    if (path === '/login') cookie = last
  }
  // What is made at the first requests alone is nobody's cost.
  await send(requests)

  gc?.()
  const before = process.memoryUsage().heapUsed
  await send(requests)
  const bytes = (process.memoryUsage().heapUsed - before) / requests

  let made = 0
  const hook = createHook({
    init(_id, type) {
      if (type === 'PROMISE') made++
    },
  }).enable()
  await send(requests)
  hook.disable()

  storeCalls = []
  await send(1)
  client.close()
  return {
    bytes,
    // Those that `send` makes itself are none of a request.
    promises: Math.floor(made / requests),
  }
}

/** A MemoryStore that tells of each call. */
function countedStore(isAsync: boolean): SessionStore {
  return new Proxy(new MemoryStore({ cleanupInterval: 0 }), {
    get(store, name) {
      const method: unknown = Reflect.get(store, name)
      if (typeof method !== 'function') return method
      return (...args: unknown[]) => {
        storeCalls.push(String(name))
        const answer: unknown = Reflect.apply(method, store, args)
        return isAsync ? Promise.resolve(answer) : answer
      }
    },
  })
}
