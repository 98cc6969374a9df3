import { describe, expect, it, vi } from 'vitest'
import { minute } from '../src/index.ts'
import { increment, kinds, load, world } from './support/overlap.ts'

for (const [kind, turns] of kinds) {
  describe(`store calls of a request, on a store that is ${kind}`, () => {
    it('a read makes one store call, a write two, a renewal two', async () => {
      const { manager, session, store } = world(turns)
      const token = await session()
      await load(manager, token)
      expect(store.calls.splice(0)).toEqual(['find'])
      const ctx = await load(manager, token)
      manager.put(ctx, 'b', 2)
      await manager.commit(ctx)
      expect(store.calls.splice(0)).toEqual(['find', 'swap'])
      const renewing = await load(manager, token)
      await manager.renewToken(renewing)
      await manager.commit(renewing)
      expect(store.calls.splice(0)).toEqual(['find', 'swap'])
    })

    it('with an idle timeout, a read makes one store call, and two when a touch is due', async () => {
      vi.useFakeTimers({ toFake: ['Date'] })
      try {
        const { manager, session, store } = world(turns, { idleTimeout: 20 * minute })
        const token = await session()
        await load(manager, token)
        expect(store.calls.splice(0)).toEqual(['findWithExpiry'])
        vi.setSystemTime(Date.now() + 2 * minute)
        await manager.commit(await load(manager, token))
        expect(store.calls.splice(0)).toEqual(['findWithExpiry', 'touch'])
      } finally {
        vi.useRealTimers()
      }
    })

    it('each of 200 requests that write one session at once in one process makes two store calls, but for one conflict on a synchronous store', async () => {
      const { manager, session, store, read } = world(turns)
      const token = await session({ n: 0 })
      const contexts = await Promise.all(Array.from({ length: 200 }, () => load(manager, token)))
      for (const ctx of contexts) manager.update(ctx, 'n', increment)
      await Promise.all(contexts.map((ctx) => manager.commit(ctx)))
      expect(read(token)).toEqual({ n: 200 })
      const finds = store.calls.filter((call) => call === 'find').length
      const swaps = store.calls.filter((call) => call === 'swap').length
      // On a synchronous store the first commit is done before the others: the second meets a conflict, and the rest queue.
      expect([finds, swaps]).toEqual(turns === 0 ? [201, 201] : [200, 200])
    })

    it('a conflict between processes costs two more store calls', async () => {
      const { manager, elsewhere, session, store } = world(turns)
      const token = await session()
      const one = await load(manager, token)
      const two = await load(elsewhere, token)
      manager.put(one, 'b', 2)
      elsewhere.put(two, 'c', 3)
      await manager.commit(one)
      store.calls.length = 0
      await elsewhere.commit(two)
      expect(store.calls).toEqual(['swap', 'find', 'swap'])
    })
  })
}
