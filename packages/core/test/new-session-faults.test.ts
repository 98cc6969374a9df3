import { describe, expect, it } from 'vitest'
import { contextOf, type SessionManagerOptions } from '../src/index.ts'
import { Client } from './support/client.ts'
import { beforeSwap, faults, kinds, load, outage, type Values, world } from './support/overlap.ts'
import { serve } from './support/servers.ts'

const inDoubt = { code: 'ERR_SESSION_IN_DOUBT' }

for (const [kind, turns] of kinds) {
  describe(`faults of a store that is ${kind}, at the first commit of a session`, () => {
    /** A new session that holds `values`, which no commit has written. */
    async function fresh(values: Values = { a: 1 }, options?: SessionManagerOptions) {
      const made = world(turns, options)
      const ctx = await load(made.manager, '')
      for (const [key, value] of Object.entries(values)) made.manager.put(ctx, key, value)
      return { ...made, ctx }
    }

    it('a commit that turns out to be done moves the session to another token, so that a second sending by the client brings nothing back', async () => {
      const { manager, store, rows, ctx } = await fresh()
      const sent: string[] = []
      const { swap } = store
      store.swap = (...args) => {
        sent.push(args[1].to.token)
        return swap.apply(store, args)
      }
      store.fault('after')
      const committed = await manager.commit(ctx)
      expect(store.calls).toEqual(['swap', 'find', 'swap'])
      expect(sent).toEqual([expect.any(String), committed?.token])
      expect(sent[0]).not.toBe(sent[1])
      expect(rows()).toEqual({ [committed?.token ?? '']: { a: 1 } })
      expect(manager.token(ctx)).toBe(committed?.token)
      manager.put(ctx, 'b', 2)
      await manager.commit(ctx)
      expect(rows()).toEqual({ [committed?.token ?? '']: { a: 1, b: 2 } })
    })

    for (const when of faults) {
      it(`a session that turns out to be done is moved once, when that fails once too (${when})`, async () => {
        const { manager, store, rows, ctx } = await fresh()
        store.fault('after')
        store.fault(when)
        const committed = await manager.commit(ctx)
        store.land()
        expect(rows()).toEqual({ [committed?.token ?? '']: { a: 1 } })
      })
    }

    it('when the session cannot be moved, it is in doubt, and destroy() deletes the rows under both tokens', async () => {
      const { manager, store, rows, ctx } = await fresh()
      store.fault('after')
      outage(store, 'late')
      await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
      await expect(manager.commit(ctx)).rejects.toMatchObject(inDoubt)
      expect(manager.token(ctx)).toBe('')
      store.land()
      expect(Object.values(rows())).toEqual([{ a: 1 }])
      await manager.destroy(ctx)
      expect(rows()).toEqual({})
    })

    for (const when of ['before', 'late'] as const) {
      for (const failing of [[], ['find']] as const) {
        it(`a commit that fails ${when} it is done rejects${failing.length ? ', also when the row cannot be read' : ''}, and the next one uses another token`, async () => {
          const { manager, store, read, rows, ctx } = await fresh()
          store.fault(when)
          for (const call of failing) store.failing.set(call, new Error(`${call} failed`))
          await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
          const givenUp = manager.token(ctx)
          store.failing.clear()
          const committed = await manager.commit(ctx)
          expect(committed?.token).not.toBe(givenUp)
          manager.put(ctx, 'b', 2)
          await manager.commit(ctx)
          store.land()
          expect(read(committed?.token)).toEqual({ a: 1, b: 2 })
          expect(Object.keys(rows())).toHaveLength(when === 'late' ? 2 : 1)
        })
      }
    }

    it('each commit that fails gives up its token: token() is empty, and the next commit uses another', async () => {
      const { manager, store, ctx } = await fresh()
      const tokens = new Set<string>()
      const { swap } = store
      store.swap = (...args) => {
        tokens.add(args[1].to.token)
        return swap.apply(store, args)
      }
      for (let n = 0; n < 3; n++) {
        store.fault('before')
        await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
        expect(manager.token(ctx)).toBe('')
      }
      const committed = await manager.commit(ctx)
      expect(tokens.size).toBe(4)
      expect([...tokens].at(-1)).toBe(committed?.token)
      expect(manager.token(ctx)).toBe(committed?.token)
    })

    it('a token that another row has is given up too', async () => {
      const { manager, store, session, read, rows, ctx } = await fresh()
      const token = await session({ other: 1 })
      const { swap } = store
      store.swap = (context, { to, ...rest }) => {
        store.swap = swap
        return swap.call(store, context, { ...rest, to: { ...to, token } })
      }
      const committed = await manager.commit(ctx)
      expect(read(committed?.token)).toEqual({ a: 1 })
      expect(read(token)).toEqual({ other: 1 })
      expect(Object.keys(rows())).toHaveLength(2)
    })

    it('destroy() deletes the row of every token that a commit was sent to, and the session can be used anew', async () => {
      const { manager, store, rows, ctx } = await fresh()
      for (let n = 0; n < 2; n++) {
        store.fault('after')
        store.failing.set('find', new Error('no find'))
        await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
        store.failing.clear()
      }
      expect(Object.keys(rows())).toHaveLength(2)
      await manager.destroy(ctx)
      expect(rows()).toEqual({})
      expect(manager.token(ctx)).toBe('')
      manager.put(ctx, 'anew', 1)
      const committed = await manager.commit(ctx)
      expect(rows()).toEqual({ [committed?.token ?? '']: { anew: 1 } })
    })

    for (const renews of [false, true]) {
      it(`destroy() deletes every token of a stored session whose ${renews ? 'renewal' : 'commit'} failed, what is written late cannot bring it back, and the session can be used anew`, async () => {
        const { manager, session, store, rows } = world(turns)
        const ctx = await load(manager, await session())
        manager.put(ctx, 'b', 2)
        if (renews) await manager.renewToken(ctx)
        outage(store, 'late')
        await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
        await manager.destroy(ctx)
        expect(manager.status(ctx)).toBe('destroyed')
        store.land()
        expect(rows()).toEqual({})
        manager.put(ctx, 'anew', 1)
        const committed = await manager.commit(ctx)
        expect(rows()).toEqual({ [committed?.token ?? '']: { anew: 1 } })
      })
    }

    it('destroy() deletes a renewed session that a failed commit has written', async () => {
      const { manager, session, store, rows } = world(turns)
      const ctx = await load(manager, await session())
      await manager.renewToken(ctx)
      store.fault('after')
      store.failing.set('find', new Error('no find'))
      await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
      store.failing.clear()
      expect(rows()).toEqual({ [manager.token(ctx)]: { a: 1 } })
      await manager.destroy(ctx)
      expect(rows()).toEqual({})
    })

    it('a first commit that is written after destroy() is under a token that no response has carried', async () => {
      const sent: string[] = []
      const { manager, store, rows } = world(turns)
      const { swap } = store
      store.swap = (...args) => {
        sent.push(args[1].to.token)
        return swap.apply(store, args)
      }
      await using server = await serve(
        manager.loadAndSave(async (req, res) => {
          const ctx = contextOf(req)
          manager.put(ctx, 'a', 1)
          store.fault('late')
          await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
          await manager.destroy(ctx)
          store.land()
          manager.put(ctx, 'b', 2)
          res.end()
        }),
      )
      const client = new Client(server.url)
      const answer = await client.get('/')
      const [late = '', token = ''] = sent
      expect(rows()).toEqual({ [late]: { a: 1 }, [token]: { b: 2 } })
      expect(client.cookies.get('session')).toBe(token)
      expect(answer.header('set-cookie').join()).not.toContain(late)
    })

    for (const when of faults) {
      it(`a browser never receives the token of a first commit whose call failed (${when}), and keeps the session`, async () => {
        const sent: string[] = []
        const { manager, store, read } = world(turns)
        const { swap } = store
        store.swap = (...args) => {
          sent.push(args[1].to.token)
          return swap.apply(store, args)
        }
        await using server = await serve(
          manager.loadAndSave(async (req, res) => {
            const ctx = contextOf(req)
            manager.put(ctx, 'a', 1)
            store.fault(when)
            await manager.commit(ctx).catch(() => {})
            res.end()
          }),
        )
        const client = new Client(server.url)
        const answer = await client.get('/')
        store.land()
        expect(answer.header('set-cookie').join()).not.toContain(sent[0])
        expect(client.cookies.get('session')).toBe(sent.at(-1))
        expect(read(sent.at(-1))).toEqual({ a: 1 })
      })
    }

    it('a change that is made while the session is moved is kept for the next commit', async () => {
      const { manager, store, read, ctx } = await fresh()
      store.fault('after')
      beforeSwap(store, () => manager.put(ctx, 'since', 1), 1)
      const committed = await manager.commit(ctx)
      await manager.commit(ctx)
      expect(read(committed?.token)).toEqual({ a: 1, since: 1 })
    })
  })
}
