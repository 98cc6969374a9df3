import { describe, expect, it, vi } from 'vitest'
import {
  background,
  hour,
  minute,
  SessionManager,
  type SessionManagerOptions,
} from '../src/index.ts'
import { beforeSwap, change, code, kinds, load, world } from './support/overlap.ts'

for (const [kind, turns] of kinds) {
  describe(`mergeSession on a store that is ${kind}`, () => {
    /** A loaded session, and another one to merge. */
    async function two(options?: SessionManagerOptions) {
      const made = world(turns, options)
      const other = await made.session({ both: 'other', other: 1 })
      const token = await made.session({ both: 'ours', ours: 1 })
      const ctx = await load(made.manager, token)
      return { ...made, other, token, ctx }
    }

    const merged = { both: 'other', other: 1, ours: 1 }

    it('writes nothing before the commit, which then writes this session and deletes the other in one swap', async () => {
      const { manager, store, rows, other, token, ctx } = await two()
      store.calls.length = 0
      await manager.mergeSession(ctx, other)
      await manager.mergeSession(ctx, other)
      expect(manager.keys(ctx)).toEqual(['both', 'other', 'ours'])
      expect(rows()[other]).toEqual({ both: 'other', other: 1 })
      expect(store.calls).toEqual(['find', 'find'])
      await manager.commit(ctx)
      expect(store.calls).toEqual(['find', 'find', 'swap'])
      expect(rows()).toEqual({ [token]: merged })
      store.calls.length = 0
      manager.put(ctx, 'next', 1)
      await manager.commit(ctx)
      expect(store.calls).toEqual(['swap'])
      expect(rows()).toEqual({ [token]: { ...merged, next: 1 } })
    })

    it('merges into a new session, in one swap', async () => {
      const { manager, store, rows, other, token } = await two()
      const ctx = await load(manager, '')
      await manager.mergeSession(ctx, other)
      store.calls.length = 0
      const committed = await manager.commit(ctx)
      expect(store.calls).toEqual(['swap'])
      expect(committed?.token).not.toBe(other)
      expect(rows()).toEqual({
        [committed?.token ?? '']: { both: 'other', other: 1 },
        [token]: { both: 'ours', ours: 1 },
      })
    })

    it('merges into a session that is renewed, in one swap', async () => {
      const { manager, store, rows, other, ctx } = await two()
      await manager.renewToken(ctx)
      await manager.mergeSession(ctx, other)
      store.calls.length = 0
      const committed = await manager.commit(ctx)
      expect(store.calls).toEqual(['swap'])
      expect(rows()).toEqual({ [committed?.token ?? '']: merged })
    })

    for (const isNew of [true, false]) {
      it(`merges three sessions at once into a ${isNew ? 'new' : 'stored'} one, each over the ones before it`, async () => {
        const { manager, store, session, rows, other, ctx: stored } = await two()
        const tokens = [other]
        for (const n of [2, 3]) tokens.push(await session({ both: n, [`n${n}`]: n }))
        const ctx = isNew ? await load(manager, '') : stored
        for (const each of tokens) await manager.mergeSession(ctx, each)
        store.calls.length = 0
        const committed = await manager.commit(ctx)
        expect(store.calls).toEqual(['swap'])
        const all = { both: 3, other: 1, n2: 2, n3: 3 }
        expect(rows()[committed?.token ?? '']).toEqual(isNew ? all : { ...all, ours: 1 })
        for (const each of tokens) expect(rows()[each]).toBeUndefined()
      })
    }

    it('keeps the later of the two deadlines', async () => {
      const { manager, elsewhere, other, ctx } = await two()
      const deadline = new Date(Date.now() + 48 * hour)
      const extended = await load(elsewhere, other)
      elsewhere.setDeadline(extended, deadline)
      await elsewhere.commit(extended)
      await manager.mergeSession(ctx, other)
      expect(await manager.commit(ctx)).toMatchObject({ expiry: deadline })
    })

    it('does nothing for a token without a session, and for the session itself', async () => {
      const { manager, rows, token, ctx } = await two()
      for (const none of [undefined, '', '%', 'unknown', token]) {
        await manager.mergeSession(ctx, none)
      }
      expect(manager.status(ctx)).toBe('unmodified')
      await manager.renewToken(ctx)
      await manager.mergeSession(ctx, token)
      const committed = await manager.commit(ctx)
      await manager.mergeSession(ctx, committed?.token)
      await manager.commit(ctx)
      expect(rows()[committed?.token ?? '']).toEqual({ both: 'ours', ours: 1 })
    })

    it('deletes nothing for a session that cannot be encoded', async () => {
      const { manager, store, rows, other, ctx } = await two()
      await manager.mergeSession(ctx, other)
      manager.put(ctx, 'bad', () => {})
      store.calls.length = 0
      await expect(manager.commit(ctx)).rejects.toThrow(TypeError)
      expect(store.calls).toEqual([])
      expect(rows()[other]).toEqual({ both: 'other', other: 1 })
      manager.remove(ctx, 'bad')
      await manager.commit(ctx)
      expect(Object.values(rows())).toEqual([merged])
    })

    it('merges the present values of a session that another request has changed, before what this request has put since', async () => {
      const { manager, elsewhere, rows, other, token, ctx } = await two()
      await manager.mergeSession(ctx, other)
      manager.put(ctx, 'after', 1)
      await change(elsewhere, other, { late: 1, other: 2 })
      await manager.commit(ctx)
      expect(rows()).toEqual({ [token]: { ...merged, other: 2, late: 1, after: 1 } })
      expect(manager.get(ctx, 'late')).toBe(1)
    })

    it('merges the present values of three sessions that change at each try', async () => {
      const { manager, elsewhere, store, session, rows, other, ctx } = await two()
      const tokens = [other, await session({ n2: 0 }), await session({ n3: 0 })]
      for (const each of tokens) await manager.mergeSession(ctx, each)
      const { swap } = store
      let tries = 0
      store.swap = async (...args) => {
        const each = args[1].absorbed.length > 0 ? tokens[tries++] : undefined
        if (each) await change(elsewhere, each, { [`late${tries}`]: 1 })
        return swap.apply(store, args)
      }
      const committed = await manager.commit(ctx)
      expect(rows()).toEqual({
        [committed?.token ?? '']: { ...merged, n2: 0, n3: 0, late1: 1, late2: 1, late3: 1 },
      })
    })

    it('merges when another request has changed this session', async () => {
      const { manager, elsewhere, rows, other, token, ctx } = await two()
      await manager.mergeSession(ctx, other)
      await change(elsewhere, token, { meanwhile: 1 })
      await manager.commit(ctx)
      expect(rows()).toEqual({ [token]: { ...merged, meanwhile: 1 } })
    })

    it('merges nothing when the commit rejects because a function of update() throws, and a later commit tries again', async () => {
      const { manager, elsewhere, rows, read, other, token, ctx } = await two()
      await manager.mergeSession(ctx, other)
      manager.put(ctx, 'after', 1)
      manager.update(ctx, 'other', (n) => {
        if (n === 0) throw new Error('sold out')
        return Number(n) - 1
      })
      const changed = await change(elsewhere, other, { other: 0 })
      for (let n = 0; n < 2; n++) {
        await expect(manager.commit(ctx)).rejects.toThrow('sold out')
        expect(manager.keys(ctx)).toEqual(['after', 'both', 'other', 'ours'])
        expect(manager.get(ctx, 'other')).toBe(0)
        expect(read(token)).toEqual({ both: 'ours', ours: 1 })
        expect(read(other)).toEqual({ both: 'other', other: 0 })
      }
      elsewhere.put(changed, 'other', 7)
      await elsewhere.commit(changed)
      await manager.commit(ctx)
      expect(rows()).toEqual({ [token]: { ...merged, other: 6, after: 1 } })
    })

    for (const [how, end] of Object.entries({
      destroyed: (manager: SessionManager, token: string) =>
        load(manager, token).then((ctx) => manager.destroy(ctx)),
      renewed: async (manager: SessionManager, token: string) => {
        const ctx = await load(manager, token)
        await manager.renewToken(ctx)
        await manager.commit(ctx)
      },
    })) {
      for (const isNew of [true, false]) {
        it(`leaves out a session that is ${how} before the commit of a ${isNew ? 'new' : 'stored'} session, and never brings it back`, async () => {
          const { manager, elsewhere, rows, read, other, token, ctx: stored } = await two()
          const ctx = isNew ? await load(manager, '') : stored
          manager.put(ctx, 'mine', 1)
          await manager.mergeSession(ctx, other)
          await end(elsewhere, other)
          const committed = await manager.commit(ctx)
          expect(read(committed?.token)).toEqual(
            isNew ? { mine: 1 } : { both: 'ours', ours: 1, mine: 1 },
          )
          expect(manager.exists(ctx, 'other')).toBe(false)
          expect(read(other)).toBeUndefined()
          expect(Object.values(rows()).filter((values) => values.other === 1)).toHaveLength(
            how === 'renewed' ? 1 : 0,
          )
          if (!isNew) expect(committed?.token).toBe(token)
        })
      }
    }

    it('leaves out one of three that is destroyed between two tries', async () => {
      const { manager, elsewhere, store, session, rows, other, token, ctx } = await two()
      const gone = await session({ gone: 1 })
      const third = await session({ third: 1 })
      for (const each of [other, gone, third]) await manager.mergeSession(ctx, each)
      await change(elsewhere, third, { late: 1 })
      beforeSwap(store, async () => elsewhere.destroy(await load(elsewhere, gone)), 1)
      await manager.commit(ctx)
      expect(rows()).toEqual({ [token]: { ...merged, third: 1, late: 1 } })
    })

    it('keeps the other session when this one was revoked', async () => {
      const { manager, store, errors, rows, other, token, ctx } = await two()
      await manager.mergeSession(ctx, other)
      store.memory.delete(token)
      expect(await manager.commit(ctx)).toBeUndefined()
      expect(errors.map(code)).toEqual(['ERR_SESSION_REVOKED'])
      expect(rows()).toEqual({ [other]: { both: 'other', other: 1 } })
    })

    it('revokes a request of the merged session: its commit writes nothing', async () => {
      const { manager, elsewhere, errors, rows, other, token, ctx } = await two()
      const theirs = await load(elsewhere, other)
      elsewhere.put(theirs, 'late', 1)
      await manager.mergeSession(ctx, other)
      await manager.commit(ctx)
      expect(await elsewhere.commit(theirs)).toBeUndefined()
      expect(elsewhere.status(theirs)).toBe('revoked')
      expect(errors.map(code)).toEqual(['ERR_SESSION_REVOKED'])
      expect(rows()).toEqual({ [token]: merged })
    })

    it('a touch of the other session does not stop the merge, and one after it revokes its request', async () => {
      vi.useFakeTimers({ toFake: ['Date'] })
      try {
        const { manager, elsewhere, rows, errors, other, token, ctx } = await two({
          idleTimeout: 20 * minute,
        })
        await manager.mergeSession(ctx, other)
        vi.setSystemTime(Date.now() + 2 * minute)
        const [before, after] = [await load(elsewhere, other), await load(elsewhere, other)]
        expect(await elsewhere.commit(before)).toMatchObject({ token: other })
        await manager.commit(ctx)
        expect(rows()).toEqual({ [token]: merged })
        expect(await elsewhere.commit(after)).toBeUndefined()
        expect(errors.map(code)).toEqual(['ERR_SESSION_REVOKED'])
        expect(rows()).toEqual({ [token]: merged })
      } finally {
        vi.useRealTimers()
      }
    })

    it('of two sessions that merge one session, one has its data', async () => {
      const { manager, elsewhere, session, rows, other, token, ctx } = await two()
      const secondToken = await session({ second: 1 })
      const second = await load(elsewhere, secondToken)
      await manager.mergeSession(ctx, other)
      await elsewhere.mergeSession(second, other)
      await Promise.all([manager.commit(ctx), elsewhere.commit(second)])
      expect(Object.keys(rows()).toSorted()).toEqual([token, secondToken].toSorted())
      expect(Object.values(rows()).filter((values) => values.other === 1)).toHaveLength(1)
    })

    for (const together of [true, false]) {
      it(`of two sessions that merge each other, one has both and the other is revoked, when they commit ${together ? 'together' : 'one after the other'}`, async () => {
        const { manager, elsewhere, rows, errors, other, token, ctx } = await two()
        const theirs = await load(elsewhere, other)
        await manager.mergeSession(ctx, other)
        await elsewhere.mergeSession(theirs, token)
        manager.put(ctx, 'x', 1)
        elsewhere.put(theirs, 'y', 1)
        const first = manager.commit(ctx)
        if (!together) await first
        const [mine, yours] = await Promise.all([first, elsewhere.commit(theirs)])
        expect([mine, yours].filter(Boolean)).toHaveLength(1)
        expect(errors.map(code)).toEqual(['ERR_SESSION_REVOKED'])
        const [winner, values] = Object.entries(rows())[0] ?? []
        expect(Object.keys(rows())).toHaveLength(1)
        expect(winner).toBe(mine ? token : other)
        expect(values).toMatchObject({ ours: 1, other: 1, [mine ? 'x' : 'y']: 1 })
      })
    }

    for (const renews of [true, false]) {
      it(`a row that cannot be decoded ${renews ? 'is deleted when the session in its place is renewed, with the merged ones' : 'stays when the session in its place is not renewed'}`, async () => {
        const { manager, store, errors, read, other, token } = await two()
        store.memory.commit('unreadable', Buffer.from('?'), new Date(Date.now() + hour))
        const ctx = await load(manager, 'unreadable')
        expect(errors.map(code)).toEqual(['ERR_SESSION_UNREADABLE'])
        if (renews) await manager.renewToken(ctx)
        await manager.mergeSession(ctx, token)
        await manager.mergeSession(ctx, other)
        store.calls.length = 0
        const committed = await manager.commit(ctx)
        expect(store.calls).toEqual(['swap'])
        expect(read(committed?.token)).toEqual(merged)
        expect(Boolean(store.memory.find('unreadable'))).toBe(!renews)
        expect(store.size).toBe(renews ? 1 : 2)
      })
    }

    it('a row that cannot be decoded is deleted as it is by then, and is left out when it is gone', async () => {
      for (const now of ['!', undefined]) {
        const { manager, store, read } = await two()
        const later = new Date(Date.now() + hour)
        store.memory.commit('unreadable', Buffer.from('?'), later)
        const ctx = await load(manager, 'unreadable')
        await manager.renewToken(ctx)
        manager.put(ctx, 'mine', 1)
        if (now) store.memory.commit('unreadable', Buffer.from(now), later)
        else store.memory.delete('unreadable')
        const committed = await manager.commit(ctx)
        expect(read(committed?.token)).toEqual({ mine: 1 })
        expect(store.memory.find('unreadable')).toBeUndefined()
      }
    })

    it('a merged session that cannot be decoded any more is left out, and left where it is', async () => {
      const { manager, store, errors, read, other, token, ctx } = await two()
      await manager.mergeSession(ctx, other)
      store.memory.commit(other, Buffer.from('?'), new Date(Date.now() + hour))
      await manager.commit(ctx)
      expect(read(token)).toEqual({ both: 'ours', ours: 1 })
      expect(store.memory.find(other)).toBeDefined()
      expect(errors.map(code)).toEqual(['ERR_SESSION_UNREADABLE'])
    })

    it('iterate finds the data of a merged session once, before and after the commit', async () => {
      const { manager, store, other, ctx } = await two()
      const all = new SessionManager({
        store: Object.assign(store, { all: () => store.memory.all() }),
      })
      const seen: string[][] = []
      const see = () => all.iterate(background(), (each) => void seen.push(all.keys(each)))
      await manager.mergeSession(ctx, other)
      await see()
      await manager.commit(ctx)
      await see()
      expect(seen.filter((keys) => keys.includes('other'))).toEqual([
        ['both', 'other'],
        ['both', 'other', 'ours'],
      ])
    })
  })
}
