import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { listenBefore } from './listen-before.ts'

/** How a connection ends while a request is on its way. */
export type Loss =
  /** The server never sees the request. */
  | 'of the request'
  /** The server does what it was asked, and the answer is lost. */
  | 'of the answer'
  /** The client hears that the connection is gone, and the server is asked afterwards: when others have been. */
  | 'of the client'

/** Stands between a driver and its server, and cuts connections. */
export interface UnreliableRelay {
  readonly address: string
  /** How many connections it has cut in each way. */
  readonly losses: ReadonlyMap<Loss, number>
  /** Cuts every connection, with an error. */
  cutAll(): void
  /** Cuts nothing any more. Fulfilled when the server has done with all that was late. */
  calm(): Promise<void>
  close(): Promise<void>
}

const kinds: readonly Loss[] = ['of the request', 'of the answer', 'of the client']
// Packets of a client that are its login.
const login = 5
// How many packets of others overtake a request whose client is gone.
const overtaking = 10

/** Relays to the server of `target`; of the packets of its clients, one in `oneIn` is their last. */
export async function startUnreliableRelay(target: URL, oneIn: number): Promise<UnreliableRelay> {
  const losses = new Map(kinds.map((kind) => [kind, 0]))
  const sockets = new Set<Socket>()
  const clients = new Set<Socket>()
  let isCalm = false
  let total = 0
  const late: { readonly due: number; readonly request: Buffer; readonly upstream: Socket }[] = []
  const finishing = new Set<Promise<unknown>>()
  const sendLate = (due: number): void => {
    while (late[0] && late[0].due <= due) {
      const { request, upstream } = late.shift() ?? late[0]
      finishing.add(once(upstream, 'close'))
      upstream.resume().end(request)
    }
  }

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    let packets = 0
    let isCut = false
    const cut = (): void => {
      isCut = true
      // With an error, and without: drivers tell them apart.
      if (Math.random() < 0.5) client.resetAndDestroy()
      else client.destroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
    }
    clients.add(client)
    client.on('close', () => clients.delete(client))
    client.on('close', () => isCut || upstream.destroy())
    upstream.on('close', () => client.destroy())
    upstream.on('data', (answer) => isCut || client.write(answer))
    client.on('data', (request) => {
      sendLate(++total)
      if (++packets <= login || isCalm || Math.random() >= 1 / oneIn) {
        upstream.write(request)
        return
      }
      const kind = kinds[Math.floor(Math.random() * kinds.length)] ?? 'of the request'
      losses.set(kind, (losses.get(kind) ?? 0) + 1)
      if (kind === 'of the request') {
        cut()
        upstream.destroy()
      } else if (kind === 'of the answer') {
        upstream.removeAllListeners('data').once('data', cut)
        upstream.end(request)
      } else {
        cut()
        late.push({ due: total + overtaking, request, upstream })
      }
    })
  })
  const address = await listenBefore(server, target)
  return {
    address,
    losses,
    cutAll() {
      for (const client of clients) client.resetAndDestroy()
    },
    async calm() {
      isCalm = true
      sendLate(Number.POSITIVE_INFINITY)
      await Promise.all(finishing)
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
