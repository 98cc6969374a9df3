import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Context, hour, JsonCodec, SessionManager } from '../src/index.ts'
import { code, increment, kinds, load, world } from './support/overlap.ts'
import { RecordingStore } from './support/stores.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

for (const [kind, turns] of kinds) {
  describe(`requests of one session that overlap, on a store that is ${kind}`, () => {
    it('values that neither request changed are kept, and a value changed in place before a put is written', async () => {
      const { manager, elsewhere, session, read } = world(turns)
      const token = await session({ n: 0, left: [{ a: 1 }], list: ['a'] })
      const one = await load(manager, token)
      const two = await load(elsewhere, token)
      manager.put(one, 'b', [1])
      const list = elsewhere.get(two, 'list') as string[]
      elsewhere.put(two, 'list', list)
      list.push('b')
      await manager.commit(one)
      await elsewhere.commit(two)
      expect(read(token)).toEqual({ n: 0, left: [{ a: 1 }], b: [1], list: ['a', 'b'] })
      expect(elsewhere.get(two, 'b')).toEqual([1])
      expect(elsewhere.get(two, 'left')).toEqual([{ a: 1 }])
    })

    it('two requests that put different keys both keep their changes', async () => {
      const { manager, elsewhere, session, read } = world(turns)
      const token = await session({ a: 1 })
      for (const second of [manager, elsewhere]) {
        const one = await load(manager, token)
        const two = await load(second, token)
        manager.put(one, 'b', 2)
        second.put(two, 'c', 3)
        await manager.commit(one)
        await second.commit(two)
        expect(read(token)).toEqual({ a: 1, b: 2, c: 3 })
      }
    })

    it('on one key, the later commit wins', async () => {
      const { manager, session, read } = world(turns)
      const token = await session()
      const one = await load(manager, token)
      const two = await load(manager, token)
      manager.put(one, 'a', 'one')
      manager.put(two, 'a', 'two')
      await manager.commit(two)
      await manager.commit(one)
      expect(read(token)).toEqual({ a: 'one' })
      expect(manager.get(two, 'a')).toBe('two')
    })

    it('clear() also removes keys that another request has put meanwhile, and keeps what the request puts after it', async () => {
      const { manager, session, read } = world(turns)
      const token = await session()
      const one = await load(manager, token)
      const two = await load(manager, token)
      manager.clear(one)
      manager.put(one, 'mine', 1)
      manager.put(two, 'meanwhile', 1)
      await manager.commit(two)
      await manager.commit(one)
      expect(read(token)).toEqual({ mine: 1 })
    })

    it('remove(), pop(), setDeadline() and rememberMe() are re-applied after a conflict', async () => {
      const { manager, session, read } = world(turns, { cookie: { persist: false } })
      const token = await session({ a: 1, b: 2 })
      const one = await load(manager, token)
      const two = await load(manager, token)
      const deadline = new Date(Date.now() + 5 * hour)
      manager.remove(one, 'a')
      expect(manager.pop(one, 'b')).toBe(2)
      manager.setDeadline(one, deadline)
      manager.rememberMe(one, true)
      manager.put(two, 'c', 3)
      await manager.commit(two)
      expect((await manager.commit(one))?.expiry).toEqual(deadline)
      expect(read(token)).toEqual({ c: 3, __rememberMe: true })
      expect(manager.deadline(await load(manager, token))).toEqual(deadline)
    })

    it('after a commit, the request also sees the changes of other requests', async () => {
      const { manager, session } = world(turns)
      const token = await session()
      const one = await load(manager, token)
      const two = await load(manager, token)
      manager.put(two, 'b', 2)
      await manager.commit(two)
      manager.put(one, 'c', 3)
      await manager.commit(one)
      expect(manager.keys(one)).toEqual(['a', 'b', 'c'])
    })

    it('update() never loses an increment, in one process and in two', async () => {
      const { manager, elsewhere, session, read } = world(turns)
      const token = await session({ n: 0 })
      const add = async (by: SessionManager) => {
        const ctx = await load(by, token)
        await turn()
        by.update(ctx, 'n', increment)
        await by.commit(ctx)
      }
      const all = Array.from({ length: 200 }, (_, i) => add(i % 2 ? manager : elsewhere))
      await Promise.all(all)
      expect(read(token)).toEqual({ n: 200 })
    })

    it('update() returns what it has put, and its function receives undefined when there is no value', async () => {
      const { manager, session } = world(turns)
      const ctx = await load(manager, await session())
      const seen: unknown[] = []
      const put = manager.update(ctx, 'new', (current) => {
        seen.push(current)
        return 'value'
      })
      expect([put, manager.get(ctx, 'new'), seen]).toEqual(['value', 'value', [undefined]])
      expect(manager.status(ctx)).toBe('modified')
    })

    it('update() changes nothing when its function throws', async () => {
      const { manager, session } = world(turns)
      const ctx = await load(manager, await session())
      const fail = () => {
        throw new Error('no')
      }
      expect(() => manager.update(ctx, 'a', fail)).toThrow('no')
      expect(manager.status(ctx)).toBe('unmodified')
      expect(manager.get(ctx, 'a')).toBe(1)
    })

    it('a commit rejects when a function of update() throws after a conflict; nothing is written or changed, and a later commit tries again', async () => {
      const { manager, elsewhere, session, read } = world(turns)
      const token = await session({ stock: 1 })
      const take = (stock: unknown) => {
        if (stock === 0) throw new Error('sold out')
        return Number(stock) - 1
      }
      const one = await load(manager, token)
      const two = await load(elsewhere, token)
      manager.put(one, 'before', 1)
      manager.update(one, 'stock', take)
      manager.put(one, 'bought', true)
      elsewhere.update(two, 'stock', take)
      await elsewhere.commit(two)
      for (let n = 0; n < 2; n++) {
        await expect(manager.commit(one)).rejects.toThrow('sold out')
        expect(manager.keys(one)).toEqual(['before', 'bought', 'stock'])
        expect(read(token)).toEqual({ stock: 0 })
      }
      // What lets the function succeed lets the commit succeed, whole.
      const three = await load(elsewhere, token)
      elsewhere.put(three, 'stock', 5)
      await elsewhere.commit(three)
      await manager.commit(one)
      expect(read(token)).toEqual({ before: 1, bought: true, stock: 4 })
    })

    for (const [how, revoke] of Object.entries({
      destroyed: (m: SessionManager, ctx: Context) => m.destroy(ctx),
      renewed: async (m: SessionManager, ctx: Context) => {
        await m.renewToken(ctx)
        await m.commit(ctx)
      },
    })) {
      it(`a session that another request has ${how} is revoked: nothing is written, now or later`, async () => {
        const { manager, elsewhere, session, store, errors } = world(turns)
        const token = await session()
        const one = await load(manager, token)
        const two = await load(elsewhere, token)
        manager.put(one, 'b', 2)
        await revoke(elsewhere, two)
        const writes = store.size
        expect(await manager.commit(one)).toBeUndefined()
        expect(manager.status(one)).toBe('revoked')
        expect(errors.map(code)).toEqual(['ERR_SESSION_REVOKED'])
        expect(store.memory.find(token)).toBeUndefined()
        expect(store.size).toBe(writes)

        // Final: later writes change memory alone.
        manager.put(one, 'c', 3)
        expect(manager.get(one, 'c')).toBe(3)
        expect(manager.status(one)).toBe('revoked')
        expect(await manager.commit(one)).toBeUndefined()
        await expect(manager.renewToken(one)).rejects.toMatchObject({ code: 'ERR_SESSION_REVOKED' })
        await expect(manager.mergeSession(one, 'abc')).rejects.toMatchObject({
          code: 'ERR_SESSION_REVOKED',
        })
        expect(store.memory.find(token)).toBeUndefined()
      })
    }

    it('when several requests renew one token, one wins and the commits of the others reject with ERR_SESSION_REVOKED', async () => {
      const { manager, elsewhere, session, store } = world(turns)
      const token = await session()
      const attempts = await Promise.all(
        Array.from({ length: 10 }, async (_, i) => {
          const by = i % 2 ? manager : elsewhere
          const ctx = await load(by, token)
          await turn()
          await by.renewToken(ctx)
          by.put(ctx, 'userID', i)
          return { by, ctx }
        }),
      )
      const outcomes = await Promise.allSettled(attempts.map(({ by, ctx }) => by.commit(ctx)))
      const failed = outcomes.filter((outcome) => outcome.status === 'rejected')
      expect(failed.map(({ reason }) => code(reason))).toEqual(Array(9).fill('ERR_SESSION_REVOKED'))
      expect(store.size).toBe(1)
      expect(store.memory.find(token)).toBeUndefined()
      expect(attempts.map(({ by, ctx }) => by.status(ctx)).toSorted()).toEqual([
        'modified',
        ...Array(9).fill('revoked'),
      ])
    })

    it('a renewal keeps what another request has put meanwhile', async () => {
      const { manager, session, read } = world(turns)
      const token = await session()
      const one = await load(manager, token)
      const two = await load(manager, token)
      manager.put(two, 'b', 2)
      await manager.renewToken(one)
      await manager.commit(two)
      const committed = await manager.commit(one)
      expect(read(committed?.token ?? '')).toEqual({ a: 1, b: 2 })
      expect(read(token)).toBeUndefined()
    })

    it('a renewed session can be changed and renewed again in the same request', async () => {
      const { manager, session, read, store } = world(turns)
      const ctx = await load(manager, await session())
      await manager.renewToken(ctx)
      await manager.renewToken(ctx)
      await manager.commit(ctx)
      manager.put(ctx, 'b', 2)
      await manager.commit(ctx)
      await manager.renewToken(ctx)
      const committed = await manager.commit(ctx)
      expect(read(committed?.token ?? '')).toEqual({ a: 1, b: 2 })
      expect(store.size).toBe(1)
    })

    it('a commit rejects with ERR_SESSION_CONFLICT after conflicts at 100 tries; nothing is written, and a later commit succeeds', async () => {
      const { manager, session, store, read } = world(turns, { storeTimeout: 0 })
      vi.spyOn(Math, 'random').mockReturnValue(0)
      const token = await session({ n: 0 })
      const ctx = await load(manager, token)
      const { swap } = store
      let n = 0
      store.swap = (...args) => {
        n++
        store.memory.commit(
          token,
          new JsonCodec().encode(manager.deadline(ctx), new Map([['n', n]])),
          new Date(Date.now() + hour),
        )
        return swap.apply(store, args)
      }
      manager.put(ctx, 'mine', 1)
      await expect(manager.commit(ctx)).rejects.toMatchObject({ code: 'ERR_SESSION_CONFLICT' })
      expect(read(token)).toEqual({ n: 100 })
      store.swap = swap
      await manager.commit(ctx)
      expect(read(token)).toEqual({ n: 100, mine: 1 })
    })
  })
}

describe('a store without atomic methods', () => {
  it('the last writer wins, and update() calls its function once, as in SCS', async () => {
    const store = new RecordingStore()
    const manager = new SessionManager({ store })
    const first = await load(manager, '')
    manager.put(first, 'n', 0)
    const token = (await manager.commit(first))?.token ?? ''
    const one = await load(manager, token)
    const two = await load(manager, token)
    for (const ctx of [one, two]) manager.update(ctx, 'n', increment)
    await manager.commit(one)
    await manager.commit(two)
    expect(manager.get(await load(manager, token), 'n')).toBe(1)
    expect(store.calls).toEqual(['commit', 'find', 'find', 'commit', 'commit', 'find'])
  })
})
