import { describe, expect, it } from 'vitest'
import { type Context, hour, type SessionManager } from '../src/index.ts'
import {
  beforeSwap,
  change,
  code,
  faults,
  increment,
  kinds,
  load,
  outage,
  world,
} from './support/overlap.ts'

const inDoubt = { code: 'ERR_SESSION_IN_DOUBT' }
const notKnown = 'it is not known whether the session was written before'

for (const [kind, turns] of kinds) {
  describe(`faults of a store that is ${kind}, at the commit of a stored session`, () => {
    for (const [what, act] of Object.entries({
      change: async () => {},
      renewal: (manager: SessionManager, ctx: Context) => manager.renewToken(ctx),
    })) {
      for (const when of faults) {
        it(`a ${what} whose swap fails once (${when}) is done once, and acknowledged`, async () => {
          const { manager, session, store, read, rows } = world(turns)
          const ctx = await load(manager, await session({ n: 0 }))
          await act(manager, ctx)
          manager.update(ctx, 'n', increment)
          store.fault(when)
          const committed = await manager.commit(ctx)
          store.land()
          expect(read(committed?.token)).toEqual({ n: 1 })
          expect(Object.keys(rows())).toEqual([committed?.token])
          expect(manager.status(ctx)).toBe('modified')
          // Nothing is in doubt.
          manager.put(ctx, 'more', 1)
          await manager.commit(ctx)
          expect(read(committed?.token)).toEqual({ n: 1, more: 1 })
        })

        it(`a ${what} whose swaps all fail (the first ${when}) rejects with the store's error, and is done once at most`, async () => {
          const { manager, session, store, rows } = world(turns)
          const token = await session({ n: 0 })
          const ctx = await load(manager, token)
          await act(manager, ctx)
          manager.update(ctx, 'n', increment)
          outage(store, when)
          // The rows show that the first one was done.
          if (when === 'after') expect(await manager.commit(ctx)).toBeDefined()
          else await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
          store.land()
          expect(Object.values(rows())).toEqual([{ n: when === 'before' ? 0 : 1 }])
        })
      }
    }

    for (const lands of ['before', 'after', 'never'] as const) {
      it(`after a commit that failed, later commits of the request reject with ERR_SESSION_IN_DOUBT; what was sent is written ${lands === 'never' ? 'never' : `once, ${lands} them`}`, async () => {
        const { manager, elsewhere, session, store, read } = world(turns)
        const token = await session({ n: 0 })
        const ctx = await load(manager, token)
        manager.update(ctx, 'n', increment)
        outage(store, lands === 'never' ? 'before' : 'late')
        await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
        if (lands === 'before') store.land()
        store.calls.length = 0
        for (const more of [true, false]) {
          if (more) manager.put(ctx, 'more', 1)
          await expect(manager.commit(ctx)).rejects.toMatchObject(inDoubt)
          await expect(manager.commit(ctx)).rejects.toThrow(notKnown)
        }
        expect(store.calls).toEqual([])
        if (lands === 'after') store.land()
        const n = lands === 'never' ? 0 : 1
        expect(read(token)).toEqual({ n })
        // The next request starts from what the store holds.
        const next = await load(elsewhere, token)
        elsewhere.update(next, 'n', increment)
        await elsewhere.commit(next)
        expect(read(token)).toEqual({ n: n + 1 })
      })
    }

    it('a commit that changes nothing is not acknowledged while its swaps fail: its expiry was not moved', async () => {
      const { manager, session, store, read } = world(turns)
      const token = await session()
      const ctx = await load(manager, token)
      outage(store, 'before')
      await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
      expect(read(token)).toEqual({ a: 1 })
    })

    it('a commit fails when the row holds something else after a fault, because others may have built on it', async () => {
      const { manager, elsewhere, session, store, read } = world(turns)
      const token = await session()
      const ctx = await load(manager, token)
      await change(elsewhere, token, { b: 2 })
      manager.put(ctx, 'c', 3)
      store.fault('before')
      store.calls.length = 0
      await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
      expect(store.calls).toEqual(['swap', 'find'])
      await expect(manager.commit(ctx)).rejects.toMatchObject(inDoubt)
      expect(read(token)).toEqual({ a: 1, b: 2 })
    })

    it('a commit that fails, but is written late, is not made again on what others have built on it', async () => {
      const { manager, elsewhere, session, store, read } = world(turns)
      const token = await session({ n: 0 })
      const ctx = await load(manager, token)
      manager.update(ctx, 'n', increment)
      outage(store, 'late')
      await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
      store.land()
      await change(elsewhere, token, { b: 2 })
      await expect(manager.commit(ctx)).rejects.toMatchObject(inDoubt)
      expect(read(token)).toEqual({ n: 1, b: 2 })
    })

    it('of two increments that both fail, one is acknowledged when one was done', async () => {
      const { manager, elsewhere, session, store, read } = world(turns)
      const token = await session({ n: 0 })
      const one = await load(manager, token)
      const two = await load(elsewhere, token)
      manager.update(one, 'n', increment)
      elsewhere.update(two, 'n', increment)
      store.fault('after')
      await manager.commit(one)
      store.fault('before')
      await expect(elsewhere.commit(two)).rejects.toThrow('connection lost')
      expect(read(token)).toEqual({ n: 1 })
    })

    for (const failing of [['swap'], ['swap', 'find']] as const) {
      it(`a commit rejects with the error of swap when ${failing.join(' and ')} fail${failing.length === 1 ? 's' : ''} at each call`, async () => {
        const { manager, session, store } = world(turns)
        const ctx = await load(manager, await session())
        manager.put(ctx, 'b', 2)
        for (const call of failing) store.failing.set(call, new Error(`${call} failed`))
        store.calls.length = 0
        await expect(manager.commit(ctx)).rejects.toThrow('swap failed')
        expect(store.calls.filter((call) => call === 'swap')).toHaveLength(
          failing.length === 1 ? 4 : 1,
        )
        store.failing.clear()
        await expect(manager.commit(ctx)).rejects.toMatchObject(inDoubt)
      })
    }

    for (const renews of [false, true]) {
      it(`when the row is gone after a fault${renews ? ' of a renewal' : ''}, the commit rejects: it is not known whether it was written`, async () => {
        const { manager, session, store, errors, rows } = world(turns)
        const token = await session()
        const ctx = await load(manager, token)
        manager.put(ctx, 'b', 2)
        if (renews) await manager.renewToken(ctx)
        store.memory.delete(token)
        store.fault('before')
        const error = await manager.commit(ctx).catch((error: Error) => error)
        expect(error).toMatchObject({
          ...inDoubt,
          message: `the session is gone, and ${notKnown}`,
          cause: expect.objectContaining({ message: 'connection lost' }),
        })
        expect(manager.status(ctx)).not.toBe('revoked')
        expect(errors).toEqual([])
        expect(rows()).toEqual({})
        await expect(manager.commit(ctx)).rejects.toMatchObject(inDoubt)
      })
    }

    it('when another request has renewed a session whose write was done and not confirmed, the commit does not say that nothing was written', async () => {
      const { manager, elsewhere, session, store, rows } = world(turns)
      const token = await session({ n: 0 })
      const ctx = await load(manager, token)
      manager.update(ctx, 'n', increment)
      store.fault('after')
      const { find } = store
      store.find = async (sought) => {
        store.find = find
        const other = await load(elsewhere, token)
        await elsewhere.renewToken(other)
        await elsewhere.commit(other)
        return find.call(store, sought)
      }
      await expect(manager.commit(ctx)).rejects.toThrow(notKnown)
      expect(Object.values(rows())).toEqual([{ n: 1 }])
    })

    it('a write that is done late does not undo what another request has changed since', async () => {
      const { manager, elsewhere, session, store, read } = world(turns)
      const token = await session()
      const ctx = await load(manager, token)
      manager.put(ctx, 'b', 2)
      store.fault('late')
      await manager.commit(ctx)
      const other = await load(elsewhere, token)
      elsewhere.remove(other, 'b')
      await elsewhere.commit(other)
      store.land()
      expect(read(token)).toEqual({ a: 1 })
    })

    it('a session is not in doubt when a commit has succeeded after a fault: its changes are re-applied after a conflict', async () => {
      const { manager, elsewhere, session, store, read } = world(turns)
      const token = await session()
      const ctx = await load(manager, token)
      manager.put(ctx, 'b', 2)
      store.fault('before')
      await manager.commit(ctx)
      await change(elsewhere, token, { c: 3 })
      manager.put(ctx, 'd', 4)
      await manager.commit(ctx)
      expect(read(token)).toEqual({ a: 1, b: 2, c: 3, d: 4 })
    })

    it('a renewal that is sent again goes to the same token', async () => {
      const { manager, session, store } = world(turns)
      const ctx = await load(manager, await session())
      await manager.renewToken(ctx)
      const sent: string[] = []
      const { swap } = store
      store.swap = (...args) => {
        sent.push(args[1].to.token)
        return swap.apply(store, args)
      }
      store.fault('before')
      const committed = await manager.commit(ctx)
      expect(sent).toEqual([committed?.token, committed?.token])
    })

    it('a renewal that is done while the rows are read is found', async () => {
      const { manager, session, store, rows } = world(turns)
      const ctx = await load(manager, await session())
      await manager.renewToken(ctx)
      store.fault('late')
      const { find } = store
      store.find = async (token) => {
        const found = await find.call(store, token)
        store.land()
        store.land = () => {}
        return found
      }
      const committed = await manager.commit(ctx)
      expect(rows()).toEqual({ [committed?.token ?? '']: { a: 1 } })
    })

    it('a write that is done just before it is sent again is found, and what was put since is kept for the next commit', async () => {
      const { manager, session, store, read } = world(turns)
      const token = await session({ n: 0 })
      const ctx = await load(manager, token)
      manager.put(ctx, 'a', 1)
      store.fault('late')
      beforeSwap(
        store,
        () => {
          store.land()
          manager.put(ctx, 'since', 1)
        },
        1,
      )
      expect(await manager.commit(ctx)).toMatchObject({ token })
      expect(read(token)).toEqual({ n: 0, a: 1 })
      expect(manager.keys(ctx)).toEqual(['a', 'n', 'since'])
      await manager.commit(ctx)
      expect(read(token)).toEqual({ n: 0, a: 1, since: 1 })
    })

    it('the first of two writes that failed is found when it is done just before the third is sent', async () => {
      const { manager, session, store, read } = world(turns)
      const token = await session()
      const ctx = await load(manager, token)
      manager.put(ctx, 'b', 2)
      store.fault('late')
      store.fault('before')
      beforeSwap(store, () => store.land(), 2)
      expect(await manager.commit(ctx)).toMatchObject({ token })
      expect(read(token)).toEqual({ a: 1, b: 2 })
    })

    it('a TypeError of the store is a fault as any other: it may come from a write that was done', async () => {
      for (const when of faults) {
        const { manager, session, store, read } = world(turns)
        const token = await session()
        const ctx = await load(manager, token)
        manager.put(ctx, 'b', 2)
        store.fault(when, new TypeError('fetch failed'))
        expect(await manager.commit(ctx)).toMatchObject({ token })
        store.land()
        expect(read(token)).toEqual({ a: 1, b: 2 })
      }
    })

    it('a find that fails after a conflict is repeated', async () => {
      const { manager, elsewhere, session, store, read } = world(turns)
      const token = await session()
      const one = await load(manager, token)
      await change(elsewhere, token, { b: 2 })
      manager.put(one, 'c', 3)
      const { find } = store
      store.find = () => {
        store.find = find
        throw new Error('connection lost')
      }
      await manager.commit(one)
      expect(read(token)).toEqual({ a: 1, b: 2, c: 3 })
    })

    it('a commit whose swap was refused, and whose find then fails at each call, leaves nothing in doubt', async () => {
      const { manager, elsewhere, session, store, read } = world(turns)
      const token = await session()
      const one = await load(manager, token)
      await change(elsewhere, token, { b: 2 })
      manager.put(one, 'c', 3)
      store.failing.set('find', new Error('no find'))
      await expect(manager.commit(one)).rejects.toThrow('no find')
      store.failing.clear()
      await manager.commit(one)
      expect(read(token)).toEqual({ a: 1, b: 2, c: 3 })
    })
  })

  describe(`faults of touch, on a store that is ${kind}`, () => {
    const options = { idleTimeout: hour, touchInterval: 0 }

    for (const when of ['before', 'after'] as const) {
      it(`a touch that fails ${when} it was done is repeated`, async () => {
        const { manager, session, store } = world(turns, options)
        const token = await session()
        const ctx = await load(manager, token)
        store.fault(when)
        store.fault(when)
        store.calls.length = 0
        expect(await manager.commit(ctx)).toMatchObject({ token })
        expect(store.calls).toEqual(['touch', 'touch', 'touch'])
      })
    }

    it('onError receives one error of a touch that fails four times, and the session is not in doubt', async () => {
      const { manager, session, store, errors, read } = world(turns, options)
      const token = await session()
      const ctx = await load(manager, token)
      const error = new Error('no touch')
      store.failing.set('touch', error)
      store.calls.length = 0
      expect(await manager.commit(ctx)).toBeUndefined()
      expect(errors).toEqual([error])
      expect(store.calls).toEqual(Array(4).fill('touch'))
      manager.put(ctx, 'b', 2)
      expect(await manager.commit(ctx)).toMatchObject({ token })
      expect(read(token)).toEqual({ a: 1, b: 2 })
    })

    it('the session is revoked when it is gone by the time that a touch is repeated', async () => {
      const { manager, session, store, errors } = world(turns, options)
      const token = await session()
      const ctx = await load(manager, token)
      store.fault('before')
      store.memory.delete(token)
      expect(await manager.commit(ctx)).toBeUndefined()
      expect(errors.map(code)).toEqual(['ERR_SESSION_REVOKED'])
    })
  })
}
