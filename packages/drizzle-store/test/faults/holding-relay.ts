import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { listenBefore } from './listen-before.ts'

/** Stands between a client and its server, and holds back bytes that the client has sent. */
export interface HoldingRelay {
  readonly address: string
  /** Holds back the next bytes of a client, and resets its connection. `refuses`: and every later one, until `accept`. */
  hold(refuses: boolean): void
  /** Accepts connections again. */
  accept(): void
  /** Sends the server what was held. Fulfilled when the server has done it, and has closed the connection. */
  release(): Promise<void>
  close(): Promise<void>
}

/** Starts a relay before the server of `target`. */
export async function startHoldingRelay(target: URL): Promise<HoldingRelay> {
  const sockets = new Set<Socket>()
  let holdsNext = false
  let isRefusing = false
  let refusesNext = false
  let held: { readonly bytes: Buffer; readonly upstream: Socket } | undefined

  const server = createServer((client) => {
    if (isRefusing) {
      client.on('error', () => {}).resetAndDestroy()
      return
    }
    const upstream = connect(Number(target.port), target.hostname)
    let isHeld = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('close', () => isHeld || upstream.destroy())
    upstream.on('close', () => client.destroy())
    upstream.on('data', (answer) => isHeld || client.write(answer))
    client.on('data', (bytes) => {
      if (!holdsNext) {
        upstream.write(bytes)
        return
      }
      holdsNext = false
      isHeld = true
      isRefusing = refusesNext
      held = { bytes, upstream }
      client.resetAndDestroy()
    })
  })
  const address = await listenBefore(server, target)
  return {
    address,
    hold(refuses) {
      holdsNext = true
      refusesNext = refuses
    },
    accept() {
      isRefusing = false
    },
    async release() {
      if (!held) throw new Error('nothing is held')
      const { bytes, upstream } = held
      held = undefined
      upstream.end(bytes)
      await once(upstream, 'close')
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
