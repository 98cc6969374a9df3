import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** One address for a server that is now here, now there, as a proxy in front of several gives it. */
export interface MovingAddress {
  readonly port: number
  /** Later connections go to this port; there are no earlier ones any more. */
  moveTo(port: number): void
  close(): Promise<void>
}

/** Relays to 127.0.0.1. */
export async function startMovingAddress(port: number): Promise<MovingAddress> {
  let target = port
  const sockets = new Set<Socket>()
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {}).pipe(other)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    moveTo(port) {
      target = port
      destroyAll()
    },
    async close() {
      server.close()
      destroyAll()
      await once(server, 'close')
    },
  }
}
