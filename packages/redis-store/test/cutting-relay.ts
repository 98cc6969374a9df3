import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'

/** What is lost with a connection: the next command, which never arrives, or its answer. */
export type Lost = 'command' | 'answer'

/** Passes on what a client and Redis send each other, and cuts a connection at a given place. */
export interface CuttingRelay {
  readonly url: string
  /** Cuts the connection that carries the next command whose text has `word`. */
  cut(word: string, lost: Lost): void
  close(): Promise<void>
}

/** Starts a relay before the Redis at `address`. */
export async function startCuttingRelay(address: string): Promise<CuttingRelay> {
  const { hostname, port } = new URL(address)
  let plan: { readonly word: string; readonly lost: Lost } | undefined
  const server = createServer((client) => {
    const redis = connect(Number(port), hostname)
    const destroy = () => {
      client.destroy()
      redis.destroy()
    }
    let isCut = false
    client.on('data', (bytes) => {
      if (plan && bytes.includes(plan.word)) {
        const { lost } = plan
        plan = undefined
        if (lost === 'command') return destroy()
        isCut = true
      }
      redis.write(bytes)
    })
    redis.on('data', (bytes) => (isCut ? destroy() : client.write(bytes)))
    for (const socket of [client, redis]) socket.on('error', destroy).on('close', destroy)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut(word, lost) {
      plan = { word, lost }
    },
    async close() {
      server.close()
      await once(server, 'close')
    },
  }
}
