import { describe, expect, it } from 'vitest'
import {
  beforeSwap,
  change,
  code,
  faults,
  kinds,
  load,
  outage,
  type Values,
  type World,
  world,
} from './support/overlap.ts'

const inDoubt = { code: 'ERR_SESSION_IN_DOUBT' }
const others = { both: 'other', other: 1 }

/** How many rows have the data of the session that is merged. */
const holders = ({ rows }: World): number =>
  Object.values(rows()).filter((values) => values.other === 1).length

for (const [kind, turns] of kinds) {
  for (const who of ['stored', 'renewed', 'new'] as const) {
    describe(`mergeSession into a ${who} session, through faults of a store that is ${kind}`, () => {
      /** What the session holds when it is alone. */
      const own: Values = who === 'new' ? { mine: 1 } : { both: 'ours', ours: 1, mine: 1 }
      const merged = { ...own, ...others }

      /** A session that merges another, not yet committed. */
      async function merging() {
        const made = world(turns)
        const other = await made.session(others)
        const { manager } = made
        const token = who === 'new' ? '' : await made.session({ both: 'ours', ours: 1 })
        const ctx = await load(manager, token)
        if (who === 'renewed') await manager.renewToken(ctx)
        await manager.mergeSession(ctx, other)
        manager.put(ctx, 'mine', 1)
        return { ...made, other, token, ctx }
      }

      for (const when of faults) {
        it(`one swap that fails (${when}): the data is in one place, and the commit has merged all of it, or has failed`, async () => {
          const made = await merging()
          const { manager, store, read, ctx, other } = made
          store.fault(when)
          const committed = await manager.commit(ctx).catch((error: Error) => error)
          expect(holders(made)).toBe(1)
          if (committed instanceof Error) {
            expect(committed.message).toBe('connection lost')
            expect(who).toBe('new')
            expect(read(other)).toEqual(others)
            await expect(manager.commit(ctx)).rejects.toMatchObject(inDoubt)
          } else {
            expect(read(committed?.token)).toEqual(merged)
            expect(read(other)).toBeUndefined()
          }
          store.land()
          expect(holders(made)).toBe(1)
        })

        it(`all swaps fail (the first ${when}): the data is in one place, also when the first is done late, and the session is in doubt`, async () => {
          const made = await merging()
          const { manager, store, read, ctx, other } = made
          store.fault(when)
          store.failing.set('find', new Error('no find'))
          await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
          store.failing.clear()
          expect(holders(made)).toBe(1)
          expect(read(other)).toEqual(when === 'after' ? undefined : others)
          for (let n = 0; n < 2; n++) {
            await expect(manager.commit(ctx)).rejects.toMatchObject(inDoubt)
          }
          store.land()
          expect(holders(made)).toBe(1)
          expect(read(other)).toEqual(when === 'before' ? others : undefined)
          // Nothing of it comes back after a logout.
          await manager.destroy(ctx)
          expect(holders(made)).toBe(when === 'before' ? 1 : 0)
          manager.put(ctx, 'anew', 1)
          const committed = await manager.commit(ctx)
          expect(read(committed?.token)).toEqual({ anew: 1 })
        })

        it(`the other session is destroyed after a swap that failed (${when}): it is never brought back`, async () => {
          const made = await merging()
          const { manager, elsewhere, store, rows, ctx, other } = made
          store.fault(when)
          // The row of the merged session goes before anything is read or sent again.
          const destroy = async () => elsewhere.destroy(await load(elsewhere, other))
          const { find } = store
          store.find = async (token) => {
            store.find = find
            await destroy()
            return find.call(store, token)
          }
          const committed = await manager.commit(ctx).catch((error: Error) => error)
          store.find = find
          store.land()
          expect(rows()[other]).toBeUndefined()
          const isIn = when === 'after'
          expect(holders(made)).toBe(isIn ? 1 : 0)
          if (committed instanceof Error) expect(who).toBe('new')
          else expect(rows()[committed?.token ?? '']).toEqual(isIn ? merged : own)
        })

        it(`another request changes the other session after a swap that failed (${when}): its data is in one place, and no change is lost`, async () => {
          const made = await merging()
          const { manager, elsewhere, store, rows, ctx, other } = made
          store.fault(when)
          const { find } = store
          store.find = async (token) => {
            store.find = find
            const changed = await load(elsewhere, other)
            if (elsewhere.keys(changed).length > 0) {
              elsewhere.put(changed, 'late', 1)
              await elsewhere.commit(changed)
            }
            return find.call(store, token)
          }
          const committed = await manager.commit(ctx).catch((error: Error) => error)
          store.find = find
          store.land()
          expect(holders(made)).toBe(1)
          const late = when === 'after' ? {} : { late: 1 }
          if (committed instanceof Error) expect(rows()[other]).toEqual({ ...others, ...late })
          else expect(rows()[committed?.token ?? '']).toEqual({ ...merged, ...late })
        })
      }

      if (who === 'new') {
        it('a merge that turns out to be done moves to another token with the data', async () => {
          const { manager, store, rows, ctx } = await merging()
          store.calls.length = 0
          store.fault('after')
          const committed = await manager.commit(ctx)
          expect(store.calls).toEqual(['swap', 'find', 'swap'])
          expect(rows()).toEqual({ [committed?.token ?? '']: merged })
        })
        return
      }

      for (const when of ['before', 'late'] as const) {
        it(`four swaps that fail (the first ${when}) reject with the store's error and merge nothing, unless the first is done late`, async () => {
          const made = await merging()
          const { manager, store, read, rows, ctx, other, token } = made
          outage(store, when)
          await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
          expect(rows()).toEqual({ [other]: others, [token]: { both: 'ours', ours: 1 } })
          await expect(manager.commit(ctx)).rejects.toMatchObject(inDoubt)
          store.land()
          expect(holders(made)).toBe(1)
          expect(read(other)).toEqual(when === 'late' ? undefined : others)
        })
      }

      it('a swap that is done between the reads of the two rows is found: the session has the merged data, also after the next commit', async () => {
        const { manager, store, rows, ctx, other } = await merging()
        store.fault('late')
        const { find } = store
        store.find = (token) => {
          if (token === other) {
            store.find = find
            store.land()
          }
          return find.call(store, token)
        }
        const committed = await manager.commit(ctx)
        expect(manager.get(ctx, 'other')).toBe(1)
        manager.put(ctx, 'more', 1)
        await manager.commit(ctx)
        expect(rows()).toEqual({ [committed?.token ?? '']: { ...merged, more: 1 } })
      })

      it('a swap that fails after another request has changed this session merges nothing, and the session is in doubt', async () => {
        const made = await merging()
        const { manager, elsewhere, store, rows, ctx, other, token } = made
        await change(elsewhere, token, { meanwhile: 1 })
        store.fault('late')
        await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
        store.land()
        expect(rows()).toEqual({
          [other]: others,
          [token]: { both: 'ours', ours: 1, meanwhile: 1 },
        })
        await expect(manager.commit(ctx)).rejects.toMatchObject(inDoubt)
      })

      it('a function of update() that throws after a fault merges nothing, and the session is in doubt', async () => {
        const made = await merging()
        const { manager, elsewhere, store, rows, ctx, other, token } = made
        manager.update(ctx, 'other', (n) => {
          if (n === 0) throw new Error('sold out')
          return n
        })
        store.fault('before')
        beforeSwap(store, () => change(elsewhere, other, { other: 0 }), 1)
        await expect(manager.commit(ctx)).rejects.toThrow('sold out')
        expect(rows()).toEqual({
          [other]: { ...others, other: 0 },
          [token]: { both: 'ours', ours: 1 },
        })
        await expect(manager.commit(ctx)).rejects.toMatchObject(inDoubt)
      })
    })
  }

  describe(`two sessions that merge each other, through faults of a store that is ${kind}`, () => {
    for (const when of faults) {
      it(`the first swap fails (${when}): one session has both, and the other is revoked or in doubt`, async () => {
        const made = world(turns)
        const { manager, elsewhere, store, session, rows, errors } = made
        const tokens = [await session({ one: 1 }), await session({ other: 1 })] as const
        const one = await load(manager, tokens[0])
        const two = await load(elsewhere, tokens[1])
        await manager.mergeSession(one, tokens[1])
        await elsewhere.mergeSession(two, tokens[0])
        store.fault(when)
        const outcomes = await Promise.allSettled([manager.commit(one), elsewhere.commit(two)])
        store.land()
        expect(Object.values(rows())).toEqual([{ one: 1, other: 1 }])
        const lost = outcomes.filter(({ status }) => status === 'rejected')
        const won = outcomes.filter((made) => made.status === 'fulfilled' && made.value)
        expect(won).toHaveLength(1)
        expect(
          [...errors, ...lost.map((each) => 'reason' in each && each.reason)].map(code),
        ).toEqual([expect.stringMatching(/^ERR_SESSION_(REVOKED|IN_DOUBT)$/)])
      })
    }
  })

  describe(`a row that cannot be decoded, through faults of a store that is ${kind}`, () => {
    for (const when of faults) {
      it(`is deleted, or the commit of the renewed session in its place has failed (${when})`, async () => {
        const { manager, store } = world(turns)
        store.memory.commit('unreadable', Buffer.from('?'), new Date(Date.now() + 60_000))
        const ctx = await load(manager, 'unreadable')
        await manager.renewToken(ctx)
        manager.put(ctx, 'mine', 1)
        store.fault(when)
        if (when === 'after') {
          const committed = await manager.commit(ctx)
          expect([...store.memory.all().keys()]).toEqual([committed?.token])
          return
        }
        await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
        expect([...store.memory.all().keys()]).toEqual(['unreadable'])
        await expect(manager.commit(ctx)).rejects.toMatchObject(inDoubt)
        store.land()
        expect(store.size).toBe(1)
        await manager.destroy(ctx)
        expect(store.size).toBe(0)
      })
    }
  })
}
