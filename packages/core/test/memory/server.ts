// A server that streams, in a process of its own: bare, or with its session modified on a store that takes its time. It
// begins when all requests are there, and tells the most memory that it has had when they are answered.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { contextOf, MemoryStore, SessionManager, type Store } from '../../src/index.ts'
import { bytes, commitTime, responses } from './streams.ts'

class SlowStore implements Store {
  readonly #memory = new MemoryStore({ cleanupInterval: 0 })

  find(token: string): Uint8Array | undefined {
    return this.#memory.find(token)
  }

  async commit(token: string, data: Uint8Array, expiry: Date): Promise<void> {
    await sleep(commitTime)
    this.#memory.commit(token, data, expiry)
  }

  delete(token: string): void {
    this.#memory.delete(token)
  }
}

const [kind = '', how = ''] = process.argv.slice(2)
let waiting = 0
let answered = 0
const all = Promise.withResolvers<void>()

async function stream(_req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (++waiting === responses) all.resolve()
  await all.promise
  const source = Readable.from(chunks(), { objectMode: false, highWaterMark: 65_536 })
  if (how === 'pipeline') await pipeline(source, res)
  else await once(source.pipe(res), 'finish')
  if (++answered === responses) process.send?.({ peak: process.resourceUsage().maxRSS })
}

// Each chunk is memory of its own: what is kept of them counts.
function* chunks(): Generator<Buffer> {
  const size = 50_000
  for (let left = bytes; left > 0; left -= size) yield Buffer.alloc(Math.min(size, left), 'x')
}

const manager = new SessionManager({ store: new SlowStore() })
const server = createServer(
  kind === 'bare'
    ? stream
    : manager.loadAndSave((req, res) => {
        manager.put(contextOf(req), 'key', 'value')
        return stream(req, res)
      }),
)
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('disconnect', () => process.exit())
