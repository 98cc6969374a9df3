import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Context, contextOf, hour, MemoryStore, SessionManager } from '@scs/core'
import { loadAndSave } from '@scs/express'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import { afterEach, describe, expect, it } from 'vitest'
import { CaseStore } from '../stores.ts'

const closing: Array<() => unknown> = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** A server of Socket.IO whose handshakes carry sessions; `handle` runs in each handshake. */
async function serve(manager: SessionManager, handle: (ctx: Context) => unknown = () => {}) {
  const server = createServer()
  const sockets = new Server(server)
  sockets.engine.use(loadAndSave(manager))
  sockets.engine.use((req: object, _res: object, next: (error?: unknown) => void) => {
    handle(contextOf(req))
    next()
  })
  sockets.on('connection', (socket) => {
    socket.emit('name', manager.getString(contextOf(socket.request), 'name'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => sockets.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** What a client is told when it connects; how the connection was refused when it was. */
function connect(url: string, cookie: string, transport: string): Promise<string> {
  const socket = io(url, {
    transports: [transport],
    extraHeaders: { cookie },
    reconnection: false,
  })
  closing.push(() => socket.close())
  return new Promise((resolve) => {
    socket.on('name', resolve)
    socket.on('connect_error', (error) => resolve(`refused: ${error.message}`))
  })
}

async function signedIn(manager: SessionManager): Promise<string> {
  const ctx = await manager.load(contextOf({}), '')
  manager.put(ctx, 'name', 'Ada')
  const { token } = (await manager.commit(ctx)) ?? {}
  return `${manager.cookie.name}=${token}`
}

const stores = { 'answers at once': () => new CaseStore(), 'takes 5 ms': () => new CaseStore(5) }

describe.each(Object.entries(stores))('with a store that %s', (_name, makeStore) => {
  it.each(['websocket', 'polling'])('a handshake by %s finds its session', async (transport) => {
    const manager = new SessionManager({ store: makeStore() })
    const url = await serve(manager)
    expect(await connect(url, await signedIn(manager), transport)).toBe('Ada')
    expect(await connect(url, 'session=unknown', transport)).toBe('')
  })

  it('a change in the handshake of a WebSocket throws, says why, and refuses it', async () => {
    const errors: unknown[] = []
    const manager = new SessionManager({ store: makeStore() })
    const url = await serve(manager, (ctx) => {
      try {
        manager.put(ctx, 'name', 'Eve')
      } catch (error) {
        errors.push(error)
        throw error
      }
    })
    expect(await connect(url, await signedIn(manager), 'websocket')).toMatch(/^refused: /)
    expect(errors).toEqual([
      expect.objectContaining({
        code: 'ERR_SESSION_HEADERS_SENT',
        message: expect.stringContaining('cannot be held until the session is committed'),
      }),
    ])
  })

  it('a handshake whose session cannot be loaded is refused', async () => {
    const store = makeStore()
    const errors: unknown[] = []
    const manager = new SessionManager({
      store,
      errorFunc: (_req, res, error) => {
        errors.push((error as Error).message)
        res.end()
      },
    })
    const url = await serve(manager)
    const cookie = await signedIn(manager)
    store.readFault = new Error('db down')
    expect(await connect(url, cookie, 'websocket')).toMatch(/^refused: /)
    expect(errors).toEqual(['db down'])
  })

  it('a handshake extends a session whose touch is due', async () => {
    const store = makeStore()
    const manager = new SessionManager({ store, idleTimeout: hour, touchInterval: 0 })
    const url = await serve(manager)
    const cookie = await signedIn(manager)
    const before = store.writes
    expect(await connect(url, cookie, 'websocket')).toBe('Ada')
    expect(store.writes).toBe(before + 1)
  })
})

it('a MemoryStore serves it as it is', async () => {
  const manager = new SessionManager({ store: new MemoryStore() })
  expect(await connect(await serve(manager), await signedIn(manager), 'websocket')).toBe('Ada')
})
