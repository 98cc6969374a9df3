import { describe, expect, it } from 'vitest'
import { background, MemoryStore, minute, SessionManager } from '../src/index.ts'

// What docs/sockets.md says of a context that is kept after its request.

const empty = background()

async function signedIn(options = {}) {
  const store = new MemoryStore({ cleanupInterval: 0 })
  const manager = new SessionManager<{ userID: number }>({ store, onError: () => {}, ...options })
  const ctx = await manager.load(empty, undefined)
  manager.put(ctx, 'userID', 1)
  const committed = await manager.commit(ctx)
  const token = committed?.token ?? ''
  return { store, manager, token, socket: await manager.load(empty, token) }
}

describe('a context that is kept', () => {
  it('stays signed in after a logout elsewhere; the session that is loaded anew does not', async () => {
    const { manager, token, socket } = await signedIn()
    await manager.destroy(await manager.load(empty, token))
    expect(manager.get(socket, 'userID')).toBe(1)
    expect(manager.exists(await manager.load(empty, token), 'userID')).toBe(false)
  })

  it('stays signed in after a renewal elsewhere; its token opens nothing', async () => {
    const { manager, token, socket } = await signedIn()
    const other = await manager.load(empty, token)
    await manager.renewToken(other)
    await manager.commit(other)
    expect(manager.get(socket, 'userID')).toBe(1)
    expect(manager.exists(await manager.load(empty, token), 'userID')).toBe(false)
  })

  it('is not extended by load, and is by commit', async () => {
    const { store, manager, token } = await signedIn({ idleTimeout: 20 * minute, touchInterval: 0 })
    const soon = new Date(Date.now() + minute)
    store.touch(empty, token, soon)
    const ctx = await manager.load(empty, token)
    expect(store.findWithExpiry(empty, token)?.expiry).toEqual(soon)
    await manager.commit(ctx)
    expect(store.findWithExpiry(empty, token)?.expiry.getTime()).toBeGreaterThan(soon.getTime())
  })
})
