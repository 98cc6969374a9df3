import { describe, expect, it } from 'vitest'
import { background, MemoryStore, SessionManager, type Store } from '../src/index.ts'
import { hashToken } from '../src/session/token.ts'

const empty = background()

/** A store without atomic methods. */
class PlainStore implements Store {
  readonly memory = new MemoryStore({ cleanupInterval: 0 })
  find(token: string) {
    return this.memory.find(token)
  }
  commit(token: string, data: Uint8Array, expiry: Date) {
    this.memory.commit(token, data, expiry)
  }
  delete(token: string) {
    this.memory.delete(token)
  }
}

/** Its swap can be made to fail before it is done. */
class FailingStore extends MemoryStore {
  fails = false

  override swap(...args: Parameters<MemoryStore['swap']>): boolean {
    if (this.fails) throw new Error('down')
    return super.swap(...args)
  }
}

const stores = {
  'a store with atomic methods': () => {
    const memory = new MemoryStore({ cleanupInterval: 0 })
    return { store: memory, memory }
  },
  'a plain store': () => {
    const store = new PlainStore()
    return { store, memory: store.memory }
  },
}

describe.each(Object.entries(stores))('storeToken on %s', (_, makeStore) => {
  describe.each([true, false])('with hashTokenInStore: %s', (hashTokenInStore) => {
    const make = () => {
      const { store, memory } = makeStore()
      const manager = new SessionManager({ store, hashTokenInStore })
      const rows = () => [...memory.all().keys()]
      return { manager, rows }
    }
    const filed = (token: string) => (hashTokenInStore ? hashToken(token) : token)

    it("is '' before the first commit, and the row's token afterwards, as `commit` gives it", async () => {
      const { manager, rows } = make()
      const ctx = await manager.load(empty, undefined)
      expect(manager.storeToken(ctx)).toBe('')
      manager.put(ctx, 'n', 1)
      await manager.renewToken(ctx)
      expect(manager.storeToken(ctx)).toBe('')
      const committed = await manager.commit(ctx)
      expect(committed?.storeToken).toBe(filed(manager.token(ctx)))
      expect(manager.storeToken(ctx)).toBe(committed?.storeToken)
      expect(rows()).toEqual([committed?.storeToken])
    })

    it('is that of the old row until a renewal is committed, then that of the new one', async () => {
      const { manager, rows } = make()
      const ctx = await manager.load(empty, undefined)
      const first = await manager.commit(ctx)
      const again = await manager.load(empty, first?.token)
      expect(manager.storeToken(again)).toBe(first?.storeToken)
      await manager.renewToken(again)
      expect(manager.storeToken(again)).toBe(first?.storeToken)
      const second = await manager.commit(again)
      expect(second?.storeToken).toBe(filed(manager.token(again)))
      expect(second?.storeToken).not.toBe(first?.storeToken)
      expect(manager.storeToken(again)).toBe(second?.storeToken)
      expect(rows()).toEqual([second?.storeToken])
    })

    it("is '' after destroy, and for what was never found", async () => {
      const { manager, rows } = make()
      const ctx = await manager.load(empty, undefined)
      const committed = await manager.commit(ctx)
      expect(manager.storeToken(await manager.load(empty, 'unknown'))).toBe('')
      await manager.destroy(ctx)
      expect(manager.storeToken(ctx)).toBe('')
      expect(manager.storeToken(await manager.load(empty, committed?.token))).toBe('')
      expect(rows()).toEqual([])
    })

    it('is that of the row in iterate, where the token itself may be unknown', async () => {
      const { store, memory } = makeStore()
      const iterable = Object.assign(store, { all: () => memory.all() })
      const manager = new SessionManager({ store: iterable, hashTokenInStore })
      const committed = await manager.commit(await manager.load(empty, undefined))
      const seen: string[] = []
      await manager.iterate(empty, (ctx) => {
        seen.push(manager.storeToken(ctx))
      })
      expect(seen).toEqual([committed?.storeToken])
    })
  })
})

describe('storeToken', () => {
  it("is '' once a commit has found the session gone", async () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    const manager = new SessionManager({ store, onError: () => {} })
    const committed = await manager.commit(await manager.load(empty, undefined))
    const ctx = await manager.load(empty, committed?.token)
    store.delete(committed?.token ?? '')
    manager.put(ctx, 'n', 1)
    expect(await manager.commit(ctx)).toBeUndefined()
    expect(manager.storeToken(ctx)).toBe('')
  })

  it("is '' while the first commit of a new session has failed, and the row's token after the next one", async () => {
    const store = new FailingStore({ cleanupInterval: 0 })
    const manager = new SessionManager({ store })
    const ctx = await manager.load(empty, undefined)
    manager.put(ctx, 'n', 1)
    store.fails = true
    await expect(manager.commit(ctx)).rejects.toThrow('down')
    expect(manager.storeToken(ctx)).toBe('')
    store.fails = false
    const committed = await manager.commit(ctx)
    expect(manager.storeToken(ctx)).toBe(committed?.storeToken)
    expect([...store.all().keys()]).toEqual([committed?.storeToken])
  })

  it('is that of the old row while the commit of a renewal has failed', async () => {
    const store = new FailingStore({ cleanupInterval: 0 })
    const manager = new SessionManager({ store })
    const committed = await manager.commit(await manager.load(empty, undefined))
    const ctx = await manager.load(empty, committed?.token)
    await manager.renewToken(ctx)
    store.fails = true
    await expect(manager.commit(ctx)).rejects.toThrow('down')
    expect(manager.storeToken(ctx)).toBe(committed?.storeToken)
  })

  it('asks for a session of this manager', () => {
    expect(() => new SessionManager().storeToken(empty)).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_NOT_LOADED' }),
    )
  })
})
