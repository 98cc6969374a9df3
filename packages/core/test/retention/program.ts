// Counts what of a request outlives the collections of young memory though nobody needs it any more, and prints it. In a
// process of its own, as the heap is the process's.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { getHeapSpaceStatistics } from 'node:v8'
import { MemoryStore, type SessionStore } from '../../src/index.ts'
import { Client, serve } from '../costs/client.ts'
import { withSessions } from '../costs/paths.ts'

const requestsOfEach = 20
const batches = 40

const server = await serve(withSessions(laterStore()))
const clients = await Promise.all(Array.from({ length: 8 }, () => Client.to(server)))
const cookies = await Promise.all(clients.map((client) => client.send(1, '/visit')))

await send()
const before = old()
for (let batch = 0; batch < batches; batch++) await send()
console.log(Math.round((old() - before) / (clients.length * requestsOfEach * batches)))
for (const client of clients) client.close()
server.close()

// What is alive at a collection, twice, is old; it is collected in the middle of the requests, when some are under way.
async function send(): Promise<void> {
  const sent = Promise.all(
    clients.map((client, index) => client.send(requestsOfEach, '/write', cookies[index])),
  )
  for (let collections = 0; collections < 4; collections++) {
    await nextTurn()
    gc?.({ type: 'minor' })
  }
  await sent
}

function old(): number {
  const space = getHeapSpaceStatistics().find((space) => space.space_name === 'old_space')
  return space?.space_used_size ?? 0
}

/** A MemoryStore that answers in a later turn of the event loop, as a server does. */
function laterStore(): SessionStore {
  return new Proxy(new MemoryStore({ cleanupInterval: 0 }), {
    get(store, name) {
      const method: unknown = Reflect.get(store, name)
      if (typeof method !== 'function') return method
      return async (...args: unknown[]) => {
        await nextTurn()
        return Reflect.apply(method, store, args)
      }
    },
  })
}
