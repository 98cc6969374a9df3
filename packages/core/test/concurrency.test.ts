import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type Awaitable,
  background,
  type Context,
  contextOf,
  hour,
  JsonCodec,
  minute,
  SessionManager,
  type SessionManagerOptions,
} from '../src/index.ts'
import { Client } from './support/client.ts'
import { serve } from './support/servers.ts'
import { RecordingAtomicStore, RecordingStore } from './support/stores.ts'

const kinds = { 'at once': 0, 'some turns later': 3 }

interface World {
  readonly store: RecordingAtomicStore
  readonly manager: SessionManager
  /** Another manager on the same store, as in another process. */
  readonly elsewhere: SessionManager
  readonly errors: unknown[]
  /** The token of a session that holds `values`. */
  session(values?: Record<string, unknown>): Promise<string>
  /** What the store holds under `token`. */
  read(token: string): Promise<Record<string, unknown> | undefined>
}

function world(turns: number, options: SessionManagerOptions = {}): World {
  const store = new RecordingAtomicStore(turns)
  const errors: unknown[] = []
  const make = () =>
    new SessionManager({ store, onError: (error) => errors.push(error), ...options })
  const manager = make()
  return {
    store,
    manager,
    elsewhere: make(),
    errors,
    async session(values = { a: 1 }) {
      const ctx = await manager.load(background(), '')
      for (const [key, value] of Object.entries(values)) manager.put(ctx, key, value)
      const committed = await manager.commit(ctx)
      store.calls.length = 0
      return committed?.token ?? ''
    },
    async read(token) {
      const bytes = store.memory.find(token)
      if (!bytes) return undefined
      const { values } = new JsonCodec().decode(bytes)
      // Claimed by a merge: nobody finds it.
      if (values.has('__claim')) return undefined
      values.delete('__write')
      return Object.fromEntries(values)
    },
  }
}

const load = (manager: SessionManager, token: string) => manager.load(background(), token)
const increment = (n: unknown) => ((n as number | undefined) ?? 0) + 1
const code = (error: unknown) => (error as { code?: string }).code

for (const [kind, turns] of Object.entries(kinds)) {
  describe(`requests that overlap, on an atomic store that answers ${kind}`, () => {
    it('what neither has read stays as it is, and what one has changed in place is written', async () => {
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
      expect(await read(token)).toEqual({ n: 0, left: [{ a: 1 }], b: [1], list: ['a', 'b'] })
      expect(elsewhere.get(two, 'b')).toEqual([1])
      expect(elsewhere.get(two, 'left')).toEqual([{ a: 1 }])
    })

    it('both keep what they put under different keys', async () => {
      const { manager, elsewhere, session, read } = world(turns)
      const token = await session({ a: 1 })
      for (const second of [manager, elsewhere]) {
        const one = await load(manager, token)
        const two = await load(second, token)
        manager.put(one, 'b', 2)
        second.put(two, 'c', 3)
        await manager.commit(one)
        await second.commit(two)
        expect(await read(token)).toEqual({ a: 1, b: 2, c: 3 })
      }
    })

    it('on one key the later commit wins', async () => {
      const { manager, session, read } = world(turns)
      const token = await session()
      const one = await load(manager, token)
      const two = await load(manager, token)
      manager.put(one, 'a', 'one')
      manager.put(two, 'a', 'two')
      await manager.commit(two)
      await manager.commit(one)
      expect(await read(token)).toEqual({ a: 'one' })
      expect(manager.get(two, 'a')).toBe('two')
    })

    it('a clear clears what it saw and what came meanwhile, and keeps what was put after it', async () => {
      const { manager, session, read } = world(turns)
      const token = await session()
      const one = await load(manager, token)
      const two = await load(manager, token)
      manager.clear(one)
      manager.put(one, 'mine', 1)
      manager.put(two, 'meanwhile', 1)
      await manager.commit(two)
      await manager.commit(one)
      expect(await read(token)).toEqual({ mine: 1 })
    })

    it('a remove, a pop, a deadline and rememberMe hold against what came meanwhile', async () => {
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
      expect(await read(token)).toEqual({ c: 3, __rememberMe: true })
      expect(manager.deadline(await load(manager, token))).toEqual(deadline)
    })

    it('memory holds what was written, others’ changes too', async () => {
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

    it('an update never loses an increment, in one process and in two', async () => {
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
      expect(await read(token)).toEqual({ n: 200 })
    })

    it('an update gives back what it put, and sees undefined where there is nothing', async () => {
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

    it('an update whose function throws changes nothing', async () => {
      const { manager, session } = world(turns)
      const ctx = await load(manager, await session())
      const fail = () => {
        throw new Error('no')
      }
      expect(() => manager.update(ctx, 'a', fail)).toThrow('no')
      expect(manager.status(ctx)).toBe('unmodified')
      expect(manager.get(ctx, 'a')).toBe(1)
    })

    it('an update whose function throws at a conflict fails the commit, each time, and nothing is written or changed', async () => {
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
        expect(await read(token)).toEqual({ stock: 0 })
      }
      // What lets the function succeed lets the commit succeed, whole.
      const three = await load(elsewhere, token)
      elsewhere.put(three, 'stock', 5)
      await elsewhere.commit(three)
      await manager.commit(one)
      expect(await read(token)).toEqual({ before: 1, bought: true, stock: 4 })
    })

    for (const [how, revoke] of Object.entries({
      destroyed: (m: SessionManager, ctx: Context) => m.destroy(ctx),
      renewed: async (m: SessionManager, ctx: Context) => {
        await m.renewToken(ctx)
        await m.commit(ctx)
      },
    })) {
      it(`a session that another request has ${how} stays so`, async () => {
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

    it('of several requests that renew one token, one wins and the others fail', async () => {
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

    it('a renewal takes along what was put meanwhile', async () => {
      const { manager, session, read } = world(turns)
      const token = await session()
      const one = await load(manager, token)
      const two = await load(manager, token)
      manager.put(two, 'b', 2)
      await manager.renewToken(one)
      await manager.commit(two)
      const committed = await manager.commit(one)
      expect(await read(committed?.token ?? '')).toEqual({ a: 1, b: 2 })
      expect(await read(token)).toBeUndefined()
    })

    it('a renewed session can be renewed and changed again in the same request', async () => {
      const { manager, session, read, store } = world(turns)
      const ctx = await load(manager, await session())
      await manager.renewToken(ctx)
      await manager.renewToken(ctx)
      await manager.commit(ctx)
      manager.put(ctx, 'b', 2)
      await manager.commit(ctx)
      await manager.renewToken(ctx)
      const committed = await manager.commit(ctx)
      expect(await read(committed?.token ?? '')).toEqual({ a: 1, b: 2 })
      expect(store.size).toBe(1)
    })

    it('a session whose changes meet at each try is a conflict in the end, and nothing is written', async () => {
      const { manager, session, store, read } = world(turns, { storeTimeout: 0 })
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
      try {
        const token = await session({ n: 0 })
        const ctx = await load(manager, token)
        const { replace } = store
        let n = 0
        store.replace = (...args) => {
          n++
          store.memory.commit(
            token,
            new JsonCodec().encode(manager.deadline(ctx), new Map([['n', n]])),
            new Date(Date.now() + hour),
          )
          return replace.apply(store, args)
        }
        manager.put(ctx, 'mine', 1)
        const failed = manager.commit(ctx).catch((error) => error)
        while (n < 100) await vi.advanceTimersByTimeAsync(64)
        expect(code(await failed)).toBe('ERR_SESSION_CONFLICT')
        expect(await read(token)).toEqual({ n: 100 })
      } finally {
        vi.useRealTimers()
      }
    })
  })

  describe(`faults of an atomic store that answers ${kind}`, () => {
    for (const [what, act] of Object.entries({
      'a replace': async () => {},
      'a renewal': (manager: SessionManager, ctx: Context) => manager.renewToken(ctx),
    })) {
      for (const when of ['before', 'after'] as const) {
        it(`${what} that fails ${when} it was done is done once, and acknowledged`, async () => {
          const { manager, session, store, read } = world(turns)
          const token = await session({ n: 0 })
          const ctx = await load(manager, token)
          await act(manager, ctx)
          manager.update(ctx, 'n', increment)
          store.fault(when)
          const committed = await manager.commit(ctx)
          expect(await read(committed?.token ?? '')).toEqual({ n: 1 })
          expect(store.size).toBe(1)
          expect(manager.status(ctx)).toBe('modified')
        })
      }
    }

    it('of two increments that both fail, of which one was done, one is acknowledged at the most', async () => {
      const { manager, elsewhere, session, store, read } = world(turns)
      const token = await session({ n: 0 })
      const one = await load(manager, token)
      const two = await load(elsewhere, token)
      manager.update(one, 'n', increment)
      elsewhere.update(two, 'n', increment)
      store.fault('after')
      const first = manager.commit(one)
      await first
      // The other's write was on its way when the first was done, and its connection died.
      const { replace } = store
      store.replace = () => {
        store.replace = replace
        throw new Error('connection lost')
      }
      await expect(elsewhere.commit(two)).rejects.toThrow('connection lost')
      expect(await read(token)).toEqual({ n: 1 })
    })

    it('a fault after which the row holds something else is an error', async () => {
      const { manager, elsewhere, session, store, read } = world(turns)
      const token = await session()
      const ctx = await load(manager, token)
      const other = await load(elsewhere, token)
      elsewhere.put(other, 'b', 2)
      await elsewhere.commit(other)
      manager.put(ctx, 'c', 3)
      store.fault('before')
      await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
      expect(await read(token)).toEqual({ a: 1, b: 2 })
    })

    it('a store that goes on failing is an error, and so is one that does not even tell what it holds', async () => {
      const { manager, session, store } = world(turns)
      const token = await session()
      for (const failing of [['replace'], ['replace', 'find']] as const) {
        const ctx = await load(manager, token)
        manager.put(ctx, 'b', 2)
        for (const call of failing) store.failing.set(call, new Error(`${call} failed`))
        await expect(manager.commit(ctx)).rejects.toThrow('replace failed')
        store.failing.clear()
        await manager.commit(ctx)
      }
    })

    it('a session that is gone after a fault is revoked', async () => {
      const { manager, session, store } = world(turns)
      const token = await session()
      const ctx = await load(manager, token)
      manager.put(ctx, 'b', 2)
      store.memory.delete(token)
      store.fault('before')
      expect(await manager.commit(ctx)).toBeUndefined()
      expect(manager.status(ctx)).toBe('revoked')
    })

    for (const when of ['before', 'after'] as const) {
      it(`a touch that fails ${when} it was done is made again`, async () => {
        const { manager, session, store } = world(turns, { idleTimeout: hour, touchInterval: 0 })
        const token = await session()
        const ctx = await load(manager, token)
        store.fault(when)
        store.fault(when)
        store.calls.length = 0
        expect(await manager.commit(ctx)).toMatchObject({ token })
        expect(store.calls).toEqual(['touch', 'touch', 'touch'])
      })
    }

    it('a touch that goes on failing is told; one that the store refuses to understand is not made again', async () => {
      const { manager, session, store, errors } = world(turns, {
        idleTimeout: hour,
        touchInterval: 0,
      })
      const token = await session()
      for (const error of [new Error('no touch'), new TypeError('too late')]) {
        const ctx = await load(manager, token)
        store.failing.set('touch', error)
        store.calls.length = 0
        expect(await manager.commit(ctx)).toBeUndefined()
        expect(errors.splice(0)).toEqual([error])
        expect(store.calls).toHaveLength(error instanceof TypeError ? 1 : 4)
      }
    })

    it('a touch whose session is gone when it is made again is a revocation', async () => {
      const { manager, session, store, errors } = world(turns, {
        idleTimeout: hour,
        touchInterval: 0,
      })
      const token = await session()
      const ctx = await load(manager, token)
      store.fault('before')
      store.memory.delete(token)
      expect(await manager.commit(ctx)).toBeUndefined()
      expect(errors.map(code)).toEqual(['ERR_SESSION_REVOKED'])
    })

    it('a look that fails after a conflict is made again', async () => {
      const { manager, elsewhere, session, store, read } = world(turns)
      const token = await session()
      const one = await load(manager, token)
      const two = await load(elsewhere, token)
      elsewhere.put(two, 'b', 2)
      await elsewhere.commit(two)
      manager.put(one, 'c', 3)
      const { find } = store
      store.find = () => {
        store.find = find
        throw new Error('connection lost')
      }
      await manager.commit(one)
      expect(await read(token)).toEqual({ a: 1, b: 2, c: 3 })
    })

    it('a TypeError is looked into, but not tried again; what follows may put it right', async () => {
      const { manager, session, store, read } = world(turns)
      const token = await session()
      const ctx = await load(manager, token)
      manager.put(ctx, 'b', 2)
      store.fault('before', new TypeError('too long'))
      store.calls.length = 0
      await expect(manager.commit(ctx)).rejects.toThrow(new TypeError('too long'))
      expect(store.calls).toEqual(['replace', 'find'])
      manager.put(ctx, 'b', 3)
      await manager.commit(ctx)
      expect(await read(token)).toEqual({ a: 1, b: 3 })
    })

    it('a TypeError of a write that was done is none', async () => {
      const { manager, session, store, read } = world(turns)
      const token = await session()
      const ctx = await load(manager, token)
      manager.put(ctx, 'b', 2)
      store.fault('after', new TypeError('fetch failed'))
      expect(await manager.commit(ctx)).toMatchObject({ token })
      expect(await read(token)).toEqual({ a: 1, b: 2 })
    })

    for (const lands of ['before', 'after'] as const) {
      it(`a write that comes late, ${lands} the next commit of the request, is not made twice`, async () => {
        const { manager, session, store, read } = world(turns)
        const token = await session({ n: 0 })
        const ctx = await load(manager, token)
        manager.update(ctx, 'n', increment)
        for (const when of ['late', 'before', 'before', 'before'] as const) store.fault(when)
        await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
        expect(await read(token)).toEqual({ n: 0 })
        manager.put(ctx, 'more', 1)
        if (lands === 'before') store.land()
        expect(await manager.commit(ctx)).toMatchObject({ token })
        if (lands === 'after') store.land()
        expect(await read(token)).toEqual({ n: 1, more: 1 })
        expect(manager.get(ctx, 'n')).toBe(1)
      })
    }

    it('a write that comes late does not undo what was undone meanwhile', async () => {
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
      expect(await read(token)).toEqual({ a: 1 })
    })

    it('a write that comes late, on which others have built, is not made again', async () => {
      const { manager, elsewhere, session, store, read } = world(turns)
      const token = await session({ n: 0 })
      const ctx = await load(manager, token)
      manager.update(ctx, 'n', increment)
      for (const when of ['late', 'before', 'before', 'before'] as const) store.fault(when)
      await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
      store.land()
      const other = await load(elsewhere, token)
      elsewhere.put(other, 'b', 2)
      await elsewhere.commit(other)
      await expect(manager.commit(ctx)).rejects.toMatchObject({ code: 'ERR_SESSION_CONFLICT' })
      expect(await read(token)).toEqual({ n: 1, b: 2 })
    })

    it('a renewal that comes late is found, and renewed again', async () => {
      const { manager, session, store, read } = world(turns)
      const token = await session({ n: 0 })
      const ctx = await load(manager, token)
      manager.update(ctx, 'n', increment)
      await manager.renewToken(ctx)
      for (const when of ['late', 'before', 'before', 'before'] as const) store.fault(when)
      await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
      store.land()
      await manager.renewToken(ctx)
      const committed = await manager.commit(ctx)
      expect(await read(committed?.token ?? '')).toEqual({ n: 1 })
      expect(store.size).toBe(1)
    })

    it('a fault that was got over leaves no doubt', async () => {
      const { manager, elsewhere, session, store, read } = world(turns)
      const token = await session()
      const ctx = await load(manager, token)
      manager.put(ctx, 'b', 2)
      store.fault('before')
      await manager.commit(ctx)
      const other = await load(elsewhere, token)
      elsewhere.put(other, 'c', 3)
      await elsewhere.commit(other)
      manager.put(ctx, 'd', 4)
      await manager.commit(ctx)
      expect(await read(token)).toEqual({ a: 1, b: 2, c: 3, d: 4 })
    })

    it('a renewal that is sent again is the same', async () => {
      const { manager, session, store } = world(turns)
      const ctx = await load(manager, await session())
      manager.update(ctx, 'a', increment)
      await manager.renewToken(ctx)
      const sent: unknown[] = []
      const { rename } = store
      store.rename = (...args) => {
        sent.push(args.slice(1))
        return rename.apply(store, args)
      }
      store.fault('before')
      await manager.commit(ctx)
      expect(sent).toHaveLength(2)
      expect(sent[1]).toEqual(sent[0])
    })

    it('a renewal that comes late between two looks is found', async () => {
      const { manager, session, store, read } = world(turns)
      const ctx = await load(manager, await session())
      await manager.renewToken(ctx)
      store.fault('late')
      const { find } = store
      store.find = async (token) => {
        const found = await find.call(store, token)
        store.land()
        return found
      }
      const committed = await manager.commit(ctx)
      expect(await read(committed?.token ?? '')).toEqual({ a: 1 })
      expect(store.size).toBe(1)
    })

    it('a commit that changes nothing, and fails, hides none that comes late', async () => {
      const { manager, session, store, read } = world(turns)
      const token = await session({ n: 0 })
      const ctx = await load(manager, token)
      for (const when of ['late', 'before', 'before', 'before'] as const) store.fault(when)
      await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
      manager.update(ctx, 'n', increment)
      store.land()
      await manager.commit(ctx)
      expect(await read(token)).toEqual({ n: 1 })
    })

    it('a first commit that fails after it was done is acknowledged', async () => {
      const { manager, store, read } = world(turns)
      const ctx = await load(manager, '')
      manager.put(ctx, 'a', 1)
      store.fault('after')
      const committed = await manager.commit(ctx)
      expect(await read(committed?.token ?? '')).toEqual({ a: 1 })
      expect(store.calls).toEqual(['commit', 'find'])
    })

    for (const failing of [[], ['find']] as const) {
      it(`a first commit that fails is an error${failing.length ? ', also when it cannot be looked into' : ''}, and the next has a token of its own`, async () => {
        const { manager, store, read } = world(turns)
        const ctx = await load(manager, '')
        manager.put(ctx, 'a', 1)
        store.fault('late')
        for (const call of failing) store.failing.set(call, new Error(`${call} failed`))
        await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
        store.failing.clear()
        const committed = await manager.commit(ctx)
        const changed = await load(manager, committed?.token ?? '')
        manager.put(changed, 'b', 2)
        await manager.commit(changed)
        store.land()
        expect(await read(committed?.token ?? '')).toEqual({ a: 1, b: 2 })
      })
    }
  })

  describe(`mergeSession on an atomic store that answers ${kind}`, () => {
    async function two(options?: SessionManagerOptions) {
      const made = world(turns, options)
      const other = await made.session({ both: 'other', other: 1 })
      const token = await made.session({ both: 'ours', ours: 1 })
      const ctx = await load(made.manager, token)
      return { ...made, other, token, ctx }
    }

    /** Has `act` done while the other is claimed: just before the session under `own` is written. */
    function whileClaimed({ store }: World, own: string, act: () => unknown): void {
      const { replace } = store
      store.replace = async (...args) => {
        if (args[1] !== own) return replace.apply(store, args)
        store.replace = replace
        await act()
        return replace.apply(store, args)
      }
    }

    it('writes nothing before the commit, and then leaves the other nowhere', async () => {
      const { manager, store, read, other, token, ctx } = await two()
      await manager.mergeSession(ctx, other)
      await manager.mergeSession(ctx, other)
      expect(manager.keys(ctx)).toEqual(['both', 'other', 'ours'])
      expect(await read(other)).toEqual({ both: 'other', other: 1 })
      await manager.commit(ctx)
      expect(await read(token)).toEqual({ both: 'other', other: 1, ours: 1 })
      expect(store.size).toBe(1)
    })

    it('merges into a new session too', async () => {
      const { manager, store, read, other } = await two()
      const ctx = await load(manager, '')
      await manager.mergeSession(ctx, other)
      store.calls.length = 0
      const committed = await manager.commit(ctx)
      // The other's row becomes ours.
      expect(store.calls).toEqual(['replace', 'rename'])
      expect(await read(committed?.token ?? '')).toEqual({ both: 'other', other: 1 })
      expect(await read(other)).toBeUndefined()
      expect(store.size).toBe(2)
    })

    it('merges several into a new session, and into one that stands in for what cannot be read', async () => {
      const { manager, store, read, errors, other, token } = await two()
      store.memory.commit('unreadable', Buffer.from('?'), new Date(Date.now() + hour))
      const ctx = await load(manager, 'unreadable')
      expect(errors.map(code)).toEqual(['ERR_SESSION_UNREADABLE'])
      await manager.renewToken(ctx)
      await manager.mergeSession(ctx, token)
      await manager.mergeSession(ctx, other)
      const committed = await manager.commit(ctx)
      expect(await read(committed?.token ?? '')).toEqual({ both: 'other', other: 1, ours: 1 })
      expect(store.size).toBe(1)
    })

    for (const when of ['before', 'after', 'late'] as const) {
      it(`a new session whose first commit fails ${when} has the other’s data, or the other has`, async () => {
        const { manager, store, read, other } = await two()
        const ctx = await load(manager, '')
        await manager.mergeSession(ctx, other)
        const { rename } = store
        store.rename = (...args) => {
          store.rename = rename
          store.fault(when)
          // Nor can it be looked into.
          store.failing.set('find', new Error('no find'))
          return rename.apply(store, args)
        }
        await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
        store.failing.clear()
        store.land()
        const holders = [...store.memory.all().values()].map((bytes) =>
          new JsonCodec().decode(bytes),
        )
        expect(holders.filter(({ values }) => values.has('other'))).toHaveLength(1)
        const back = when === 'after' ? undefined : { both: 'other', other: 1 }
        expect(await read(other)).toEqual(back)
        const committed = await manager.commit(ctx)
        expect(await read(committed?.token ?? '')).toEqual({ both: 'other', other: 1 })
        expect(await read(other)).toBeUndefined()
        expect(store.size).toBe(2)
      })
    }

    for (const [kind, ours] of Object.entries({ new: 'rename', loaded: 'replace' } as const)) {
      it(`what could not be given back is still taken in by the next commit of a ${kind} session`, async () => {
        const { manager, store, read, errors, other, ctx: loaded } = await two()
        const ctx = kind === 'new' ? await load(manager, '') : loaded
        await manager.mergeSession(ctx, other)
        const { replace } = store
        store.replace = async (...args) => {
          store.replace = replace
          const claimed = await replace.apply(store, args)
          // Ours four times, and what is to give the other back five times.
          store.fault('late')
          for (let n = 0; n < 8; n++) store.fault('before')
          return claimed
        }
        await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
        expect(errors).toEqual([expect.objectContaining({ message: 'connection lost' })])
        expect(await read(other)).toBeUndefined()
        store.calls.length = 0
        const committed = await manager.commit(ctx)
        expect(store.calls).toEqual(kind === 'new' ? [ours] : [ours, 'delete'])
        store.land()
        expect(await read(committed?.token ?? '')).toMatchObject({ both: 'other', other: 1 })
        expect(await read(other)).toBeUndefined()
      })
    }

    for (const fault of [false, true]) {
      it(`goes on without what is destroyed after it was claimed${fault ? ', also when that is found by a look' : ''}`, async () => {
        const { manager, store, read, other, token } = await two()
        const ctx = await load(manager, '')
        manager.put(ctx, 'mine', 1)
        await manager.mergeSession(ctx, other)
        await manager.mergeSession(ctx, token)
        const { rename } = store
        store.rename = (...args) => {
          store.rename = rename
          store.memory.delete(other)
          if (fault) store.fault('before')
          return rename.apply(store, args)
        }
        const committed = await manager.commit(ctx)
        expect(await read(committed?.token ?? '')).toEqual({ mine: 1, both: 'ours', ours: 1 })
        expect(store.size).toBe(1)
      })
    }

    it('gives the other back when the commit fails', async () => {
      const { manager, store, read, other, token, ctx } = await two()
      await manager.mergeSession(ctx, other)
      store.failing.set('replace', new Error('disk full'))
      await expect(manager.commit(ctx)).rejects.toThrow('disk full')
      expect(await read(other)).toEqual({ both: 'other', other: 1 })
      expect(await read(token)).toEqual({ both: 'ours', ours: 1 })
      expect(store.size).toBe(2)
    })

    it('gives the other back when that fails at first', async () => {
      const { manager, store, read, errors, other, ctx } = await two()
      await manager.mergeSession(ctx, other)
      const { replace } = store
      store.replace = async (...args) => {
        store.replace = replace
        const claimed = await replace.apply(store, args)
        // Our own write, and after it the first two that give back.
        store.fault('before', new RangeError('too long'))
        store.fault('before')
        store.fault('after')
        return claimed
      }
      await expect(manager.commit(ctx)).rejects.toThrow('too long')
      expect(errors).toEqual([])
      expect(await read(other)).toEqual({ both: 'other', other: 1 })
    })

    it('claims nothing for what cannot be encoded', async () => {
      const { manager, store, read, other, ctx } = await two()
      await manager.mergeSession(ctx, other)
      manager.put(ctx, 'bad', () => {})
      store.calls.length = 0
      await expect(manager.commit(ctx)).rejects.toThrow(TypeError)
      expect(store.calls).toEqual([])
      expect(await read(other)).toEqual({ both: 'other', other: 1 })
    })

    it('a session that is touched while it is claimed, and given back, stays touched', async () => {
      vi.useFakeTimers({ toFake: ['Date'] })
      try {
        const { manager, elsewhere, store, other, token, ctx } = await two({
          idleTimeout: 20 * minute,
        })
        await manager.mergeSession(ctx, other)
        vi.setSystemTime(Date.now() + 2 * minute)
        const touching = await load(elsewhere, other)
        let touched: Awaited<ReturnType<SessionManager['commit']>>
        const { replace } = store
        store.replace = async (...args) => {
          if (args[1] !== token) return replace.apply(store, args)
          touched = await elsewhere.commit(touching)
          throw new RangeError('too long')
        }
        await expect(manager.commit(ctx)).rejects.toThrow('too long')
        expect(elsewhere.status(touching)).toBe('modified')
        const row = store.memory.findWithExpiry(background(), other)
        expect(row?.expiry).toEqual(touched?.expiry)
        expect(row?.expiry.getTime()).toBe(Date.now() + 20 * minute)
      } finally {
        vi.useRealTimers()
      }
    })

    it('gives the other back when this session is revoked', async () => {
      const { manager, store, read, other, token, ctx } = await two()
      await manager.mergeSession(ctx, other)
      store.memory.delete(token)
      expect(await manager.commit(ctx)).toBeUndefined()
      expect(await read(other)).toEqual({ both: 'other', other: 1 })
      expect(store.size).toBe(1)
    })

    it('merges what the other has become meanwhile', async () => {
      const { manager, elsewhere, store, read, other, token, ctx } = await two()
      await manager.mergeSession(ctx, other)
      manager.put(ctx, 'after', 1)
      const changed = await load(elsewhere, other)
      elsewhere.put(changed, 'late', 1)
      await elsewhere.commit(changed)
      await manager.commit(ctx)
      expect(await read(token)).toEqual({ both: 'other', other: 1, late: 1, ours: 1, after: 1 })
      expect(store.size).toBe(1)
    })

    it('gives the other back when an update throws at what the other has become, and merges nothing', async () => {
      const { manager, elsewhere, read, other, token, ctx } = await two()
      await manager.mergeSession(ctx, other)
      manager.put(ctx, 'after', 1)
      manager.update(ctx, 'other', (n) => {
        if (n === 0) throw new Error('sold out')
        return Number(n) - 1
      })
      const changed = await load(elsewhere, other)
      elsewhere.put(changed, 'other', 0)
      await elsewhere.commit(changed)
      for (let n = 0; n < 2; n++) {
        await expect(manager.commit(ctx)).rejects.toThrow('sold out')
        expect(manager.keys(ctx)).toEqual(['after', 'both', 'other', 'ours'])
        expect(manager.get(ctx, 'other')).toBe(0)
        expect(await read(token)).toEqual({ both: 'ours', ours: 1 })
        expect(await read(other)).toEqual({ both: 'other', other: 0 })
      }
      elsewhere.put(changed, 'other', 7)
      await elsewhere.commit(changed)
      await manager.commit(ctx)
      expect(await read(token)).toEqual({ both: 'other', other: 6, ours: 1, after: 1 })
      expect(await read(other)).toBeUndefined()
    })

    it('merges nothing when the other is gone', async () => {
      const { manager, read, store, other, token, ctx } = await two()
      await manager.mergeSession(ctx, other)
      store.memory.delete(other)
      await manager.commit(ctx)
      expect(await read(token)).toEqual({ both: 'ours', ours: 1 })
    })

    it('of two that merge one session, one has it', async () => {
      const { manager, elsewhere, session, store, read, other, token, ctx } = await two()
      const secondToken = await session({ second: 1 })
      const second = await load(elsewhere, secondToken)
      await manager.mergeSession(ctx, other)
      await elsewhere.mergeSession(second, other)
      await Promise.all([manager.commit(ctx), elsewhere.commit(second)])
      const holders = [await read(token), await read(secondToken)].filter(
        (values) => values?.other === 1,
      )
      expect(holders).toHaveLength(1)
      expect(store.size).toBe(2)
    })

    it('survives a conflict on this session', async () => {
      const { manager, elsewhere, read, other, token, ctx } = await two()
      await manager.mergeSession(ctx, other)
      const changed = await load(elsewhere, token)
      elsewhere.put(changed, 'meanwhile', 1)
      await elsewhere.commit(changed)
      await manager.commit(ctx)
      expect(await read(token)).toEqual({ both: 'other', other: 1, ours: 1, meanwhile: 1 })
    })

    for (const when of ['before', 'after'] as const) {
      it(`a claim whose connection dies ${when} it was done loses nothing`, async () => {
        const { manager, store, read, other, token, ctx } = await two()
        await manager.mergeSession(ctx, other)
        store.fault(when)
        const outcome = await manager.commit(ctx).catch((error: Error) => error.message)
        if (outcome === 'connection lost') {
          expect(await read(other)).toEqual({ both: 'other', other: 1 })
          expect(await read(token)).toEqual({ both: 'ours', ours: 1 })
        } else {
          expect(await read(other)).toBeUndefined()
          expect(await read(token)).toEqual({ both: 'other', other: 1, ours: 1 })
        }
        expect(store.size).toBe(outcome === 'connection lost' ? 2 : 1)
      })
    }

    for (const unreadable of ['fresh', 'fail'] as const) {
      it(`a request that comes while its session is claimed has a fresh one, and a logout of it is final; unreadable: '${unreadable}'`, async () => {
        const made = await two({ unreadable })
        const { manager, elsewhere, store, errors, other, token, ctx } = made
        await manager.mergeSession(ctx, other)
        whileClaimed(made, token, async () => {
          const out = await load(elsewhere, other)
          expect(elsewhere.keys(out)).toEqual([])
          await elsewhere.destroy(out)
          expect(elsewhere.status(out)).toBe('destroyed')
          store.memory.delete(token)
        })
        expect(await manager.commit(ctx)).toBeUndefined()
        expect(store.size).toBe(0)
        expect(errors.map(code)).toEqual(['ERR_SESSION_REVOKED'])
      })
    }

    it('a logout while a new session takes its place is final, and the new one goes on without it', async () => {
      const { manager, elsewhere, store, read, other } = await two()
      const ctx = await load(manager, '')
      manager.put(ctx, 'mine', 1)
      await manager.mergeSession(ctx, other)
      const { rename } = store
      store.rename = async (...args) => {
        store.rename = rename
        await elsewhere.destroy(await load(elsewhere, other))
        return rename.apply(store, args)
      }
      const committed = await manager.commit(ctx)
      expect(await read(committed?.token ?? '')).toEqual({ mine: 1 })
      expect(store.memory.find(other)).toBeUndefined()
    })

    for (const renews of [true, false]) {
      it(`a fresh session beside a claimed one ${renews ? 'ends it once it has renewed its token' : 'leaves it alone'}`, async () => {
        const made = await two()
        const { manager, elsewhere, store, read, other, token, ctx } = made
        await manager.mergeSession(ctx, other)
        let fresh: Awaited<ReturnType<SessionManager['commit']>>
        whileClaimed(made, token, async () => {
          const beside = await load(elsewhere, other)
          elsewhere.put(beside, 'fresh', 1)
          if (renews) await elsewhere.renewToken(beside)
          fresh = await elsewhere.commit(beside)
          store.memory.delete(token)
        })
        await manager.commit(ctx)
        expect(await read(fresh?.token ?? '')).toEqual({ fresh: 1 })
        expect(await read(other)).toEqual(renews ? undefined : { both: 'other', other: 1 })
      })
    }

    it('iterate meets what is claimed, so that nobody is signed out by halves', async () => {
      const made = await two()
      const { manager, store, other, token, ctx } = made
      const all = new SessionManager({
        store: Object.assign(store, { all: () => store.memory.all() }),
      })
      await manager.mergeSession(ctx, other)
      const seen: unknown[] = []
      whileClaimed(made, token, () =>
        all.iterate(background(), async (each) => {
          seen.push(all.keys(each))
          expect(all.exists(each, '__claim')).toBe(false)
          await all.destroy(each)
        }),
      )
      expect(await manager.commit(ctx)).toBeUndefined()
      expect(seen.toSorted()).toEqual([
        ['both', 'other'],
        ['both', 'ours'],
      ])
      expect(store.size).toBe(0)
    })

    for (const back of [true, false]) {
      it(`a commit in iterate waits for what becomes of a claimed session: ${back ? 'it is given back' : 'it is taken in'}`, async () => {
        const made = await two()
        const { manager, store, read, other, token, ctx } = made
        const all = new SessionManager({
          store: Object.assign(store, { all: () => store.memory.all() }),
          onError: () => {},
        })
        await manager.mergeSession(ctx, other)
        let committed: Promise<unknown> = Promise.resolve()
        whileClaimed(made, token, () =>
          all.iterate(background(), (each) => {
            if (!all.exists(each, 'other')) return
            all.put(each, 'seen', 1)
            committed = all.commit(each)
            if (back) store.memory.delete(token)
          }),
        )
        await manager.commit(ctx)
        expect(await committed).toEqual(
          back ? expect.objectContaining({ token: other }) : undefined,
        )
        expect(await read(back ? other : token)).toEqual(
          back ? { both: 'other', other: 1, seen: 1 } : { both: 'other', other: 1, ours: 1 },
        )
      })

      it(`a commit of a claimed session waits until ${back ? 'it is given back, and is in' : 'it is gone, and is told so'}`, async () => {
        const made = await two()
        const { manager, elsewhere, store, read, errors, other, token, ctx } = made
        const waiting = await load(elsewhere, other)
        elsewhere.put(waiting, 'late', 1)
        await manager.mergeSession(ctx, other)
        let committed: Promise<unknown> = Promise.resolve()
        whileClaimed(made, token, async () => {
          committed = elsewhere.commit(waiting)
          while (!store.calls.includes('find')) await turn()
          if (back) store.memory.delete(token)
        })
        store.calls.length = 0
        await manager.commit(ctx)
        expect(await committed).toEqual(
          back ? expect.objectContaining({ token: other }) : undefined,
        )
        expect(elsewhere.status(waiting)).toBe(back ? 'modified' : 'revoked')
        expect(await read(other)).toEqual(back ? { both: 'other', other: 1, late: 1 } : undefined)
        expect(errors.map(code)).toEqual(['ERR_SESSION_REVOKED'])
      })
    }

    it('a merge of a session that another gives back has it then', async () => {
      const made = await two()
      const { manager, elsewhere, session, store, read, other, token, ctx } = made
      const second = await load(elsewhere, await session({ second: 1 }))
      await elsewhere.mergeSession(second, other)
      await manager.mergeSession(ctx, other)
      let committed: Promise<unknown> = Promise.resolve()
      whileClaimed(made, token, async () => {
        committed = elsewhere.commit(second)
        while (!store.calls.includes('find')) await turn()
        store.memory.delete(token)
      })
      store.calls.length = 0
      expect(await manager.commit(ctx)).toBeUndefined()
      expect(await committed).toMatchObject({ token: elsewhere.token(second) })
      expect(await read(elsewhere.token(second))).toEqual({ second: 1, both: 'other', other: 1 })
      expect(store.size).toBe(1)
    })

    it('of two that take each other in, one has both, and the other is revoked', async () => {
      const { manager, elsewhere, store, read, errors, other, token, ctx } = await two()
      const theirs = await load(elsewhere, other)
      await manager.mergeSession(ctx, other)
      await elsewhere.mergeSession(theirs, token)
      manager.put(ctx, 'x', 1)
      elsewhere.put(theirs, 'y', 1)
      const [mine, yours] = await Promise.all([manager.commit(ctx), elsewhere.commit(theirs)])
      expect([mine, yours].filter(Boolean)).toHaveLength(1)
      expect(errors.map(code)).toEqual(['ERR_SESSION_REVOKED'])
      expect(store.size).toBe(1)
      expect(await read(mine ? token : other)).toMatchObject({ ours: 1, other: 1 })
    })

    for (const merges of [false, true]) {
      it(`a session that stays claimed is a conflict in the end${merges ? ', and what was to be merged is given back' : ''}`, async () => {
        vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
        try {
          for (const storeTimeout of [0, 1000]) {
            const { manager, store, read, other, token, ctx } = await two({ storeTimeout })
            if (merges) await manager.mergeSession(ctx, other)
            manager.put(ctx, 'mine', 1)
            const stuck = new JsonCodec().encode(
              manager.deadline(ctx),
              new Map<string, unknown>([['__claim', 'x']]),
            )
            store.memory.commit(token, stuck, manager.deadline(ctx))
            const done = vi.fn()
            const failed = manager.commit(ctx).catch(code).finally(done)
            while (done.mock.calls.length === 0) await vi.advanceTimersByTimeAsync(8)
            expect(await failed).toBe('ERR_SESSION_CONFLICT')
            expect(await read(other)).toEqual({ both: 'other', other: 1 })
            expect(Buffer.compare(store.memory.find(token) ?? Buffer.of(), stuck)).toBe(0)
          }
        } finally {
          vi.useRealTimers()
        }
      })
    }

    it('a claim that comes late, after the commit has failed, claims nothing', async () => {
      const { manager, store, read, errors, other, token, ctx } = await two()
      await manager.mergeSession(ctx, other)
      store.fault('late')
      await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
      store.land()
      expect(await read(other)).toEqual({ both: 'other', other: 1 })
      expect(errors).toEqual([])
      await manager.commit(ctx)
      expect(await read(token)).toEqual({ both: 'other', other: 1, ours: 1 })
      expect(store.size).toBe(1)
    })

    it('a claim that comes late between the look and the write that is to stop it is undone', async () => {
      const { manager, store, read, errors, other, ctx } = await two()
      await manager.mergeSession(ctx, other)
      const { replace } = store
      let calls = 0
      store.replace = (...args) => {
        if (++calls === 2) store.land()
        return replace.apply(store, args)
      }
      store.fault('late')
      await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
      expect(await read(other)).toEqual({ both: 'other', other: 1 })
      expect(errors).toEqual([])
    })

    it('what our write has not taken in is given back, where others have written ours meanwhile', async () => {
      const made = await two()
      const { manager, elsewhere, store, read, errors, other, token, ctx } = made
      const changing = await load(elsewhere, token)
      elsewhere.put(changing, 'meanwhile', 1)
      await manager.mergeSession(ctx, other)
      whileClaimed(made, token, async () => {
        await elsewhere.commit(changing)
        store.fault('late')
      })
      await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
      expect(errors).toEqual([])
      store.land()
      expect(await read(token)).toEqual({ both: 'ours', ours: 1, meanwhile: 1 })
      expect(await read(other)).toEqual({ both: 'other', other: 1 })
      // The next commit has it.
      await manager.commit(ctx)
      expect(await read(token)).toEqual({ both: 'other', other: 1, ours: 1, meanwhile: 1 })
      expect(store.size).toBe(1)
    })

    for (const what of ['counted on it', 'ended it'] as const) {
      it(`where our write may have taken the other in, and others have ${what}, onError hears that the other stays claimed`, async () => {
        const { manager, elsewhere, store, read, errors, other, token, ctx } = await two()
        await manager.mergeSession(ctx, other)
        const { replace } = store
        store.replace = async (...args) => {
          if (args[1] !== token) return replace.apply(store, args)
          store.replace = replace
          await replace.apply(store, args)
          const later = await load(elsewhere, token)
          if (what === 'ended it') await elsewhere.renewToken(later)
          else elsewhere.update(later, 'n', increment)
          await elsewhere.commit(later)
          throw new Error('connection lost')
        }
        const outcome = await manager.commit(ctx).catch((error: Error) => error.message)
        expect(outcome).toBe(what === 'ended it' ? undefined : 'connection lost')
        expect(errors.map(code).at(-1)).toBe('ERR_SESSION_CONFLICT')
        expect(String(errors.at(-1))).toContain('it cannot be known whether')
        expect(await read(other)).toBeUndefined()
        const holders = [...store.memory.all().values()].map((bytes) =>
          new JsonCodec().decode(bytes),
        )
        const found = holders.filter(({ values }) => !values.has('__claim') && values.has('other'))
        expect(found).toHaveLength(1)
      })
    }

    it('a new session that fails to take a place leaves the row that it stands in for, and the other', async () => {
      const { manager, store, read, other } = await two()
      store.memory.commit('unreadable', Buffer.from('?'), new Date(Date.now() + hour))
      const ctx = await load(manager, 'unreadable')
      await manager.renewToken(ctx)
      await manager.mergeSession(ctx, other)
      const { rename } = store
      store.rename = () => {
        store.rename = rename
        throw new RangeError('too long')
      }
      await expect(manager.commit(ctx)).rejects.toThrow('too long')
      expect(store.memory.find('unreadable')).toBeDefined()
      expect(await read(other)).toEqual({ both: 'other', other: 1 })
      const { delete: remove } = store
      store.delete = () => {
        throw new TypeError('no delete')
      }
      await expect(manager.commit(ctx)).rejects.toThrow('no delete')
      store.delete = remove
      const committed = await manager.commit(ctx)
      expect(await read(committed?.token ?? '')).toEqual({ both: 'other', other: 1 })
      expect(store.memory.find('unreadable')).toBeUndefined()
      expect(store.size).toBe(2)
    })

    it('a claimed row that cannot be deleted is reported, and nobody finds it', async () => {
      const { manager, store, read, errors, other, token, ctx } = await two()
      await manager.mergeSession(ctx, other)
      store.failing.set('delete', new Error('no delete'))
      await manager.commit(ctx)
      expect(errors).toEqual([expect.objectContaining({ message: 'no delete' })])
      expect(await read(token)).toEqual({ both: 'other', other: 1, ours: 1 })
      expect(manager.keys(await load(manager, other))).toEqual([])
    })
  })

  describe(`store calls of a request, on an atomic store that answers ${kind}`, () => {
    it('a read is one, a write two, a renewal two', async () => {
      const { manager, session, store } = world(turns)
      const token = await session()
      await load(manager, token)
      expect(store.calls.splice(0)).toEqual(['find'])
      const ctx = await load(manager, token)
      manager.put(ctx, 'b', 2)
      await manager.commit(ctx)
      expect(store.calls.splice(0)).toEqual(['find', 'replace'])
      const renewing = await load(manager, token)
      await manager.renewToken(renewing)
      await manager.commit(renewing)
      expect(store.calls.splice(0)).toEqual(['find', 'rename'])
    })

    it('a read with an idle timeout is one, or two when a touch is due', async () => {
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

    it('each of 200 that write one session at once in one process makes two', async () => {
      const { manager, session, store, read } = world(turns)
      const token = await session({ n: 0 })
      const contexts = await Promise.all(Array.from({ length: 200 }, () => load(manager, token)))
      for (const ctx of contexts) manager.update(ctx, 'n', increment)
      await Promise.all(contexts.map((ctx) => manager.commit(ctx)))
      expect(await read(token)).toEqual({ n: 200 })
      const finds = store.calls.filter((call) => call === 'find').length
      const replaces = store.calls.filter((call) => call === 'replace').length
      // A store that answers at once lets nobody queue: then the conflict costs two more.
      expect([finds, replaces]).toEqual(turns === 0 ? [399, 399] : [200, 200])
    })

    it('a conflict between processes makes two more', async () => {
      const { manager, elsewhere, session, store } = world(turns)
      const token = await session()
      const one = await load(manager, token)
      const two = await load(elsewhere, token)
      manager.put(one, 'b', 2)
      elsewhere.put(two, 'c', 3)
      await manager.commit(one)
      store.calls.length = 0
      await elsewhere.commit(two)
      expect(store.calls).toEqual(['replace', 'find', 'replace'])
    })
  })
}

describe('a store that hangs', () => {
  it('ends the wait of who commits and of who waits for it, and the session can be used again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    try {
      const { manager, session, store, read } = world(1, { storeTimeout: 1000 })
      const token = await session({ n: 0 })
      const contexts = await Promise.all(Array.from({ length: 3 }, () => load(manager, token)))
      for (const ctx of contexts) manager.update(ctx, 'n', increment)
      const { replace } = store
      store.replace = () => new Promise(() => {})
      const outcomes = contexts.map((ctx) => manager.commit(ctx).catch(code))
      await vi.advanceTimersByTimeAsync(1000)
      expect(await Promise.all(outcomes)).toEqual(Array(3).fill('ERR_SESSION_STORE_TIMEOUT'))
      store.replace = replace
      const after = await load(manager, token)
      manager.update(after, 'n', increment)
      await manager.commit(after)
      expect(await read(token)).toEqual({ n: 1 })
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('a store that answers late', () => {
  /** A commit whose time is over; `act` does what it sent, `answer` tells of it. */
  async function timedOut() {
    const made = world(1, { storeTimeout: 1000 })
    const { manager, session, store } = made
    const token = await session({ n: 0 })
    const ctx = await load(manager, token)
    manager.update(ctx, 'n', increment)
    const { replace } = store
    const answered = Promise.withResolvers<boolean>()
    let act = (): Awaitable<boolean> => false
    store.replace = (...args) => {
      store.replace = replace
      act = () => replace.apply(store, args)
      return answered.promise
    }
    const failed = manager.commit(ctx).catch(code)
    await vi.advanceTimersByTimeAsync(1000)
    expect(await failed).toBe('ERR_SESSION_STORE_TIMEOUT')
    store.calls.length = 0
    const answer = (done: boolean) => {
      answered.resolve(done)
      return turn()
    }
    return { ...made, token, ctx, act: () => act(), answer }
  }

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('is not asked again by a commit whose time is over', async () => {
    const { store, elsewhere, token, answer } = await timedOut()
    const other = await load(elsewhere, token)
    elsewhere.put(other, 'b', 2)
    await elsewhere.commit(other)
    store.calls.length = 0
    await answer(false)
    expect(store.calls).toEqual([])
  })

  it('is not written to by a commit whose time was over while it looked', async () => {
    const { manager, elsewhere, session, store, read } = world(1, { storeTimeout: 1000 })
    const token = await session()
    const ctx = await load(manager, token)
    const other = await load(elsewhere, token)
    elsewhere.put(other, 'b', 2)
    await elsewhere.commit(other)
    const { find, replace } = store
    const refused = Promise.withResolvers<void>()
    const found = Promise.withResolvers<void>()
    store.replace = async (...args) => {
      await refused.promise
      return replace.apply(store, args)
    }
    store.find = async (sought) => {
      await found.promise
      return find.call(store, sought)
    }
    manager.put(ctx, 'c', 3)
    const failed = manager.commit(ctx).catch(code)
    // The look has a limit of its own, which ends later.
    await vi.advanceTimersByTimeAsync(500)
    refused.resolve()
    await turn()
    await turn()
    await vi.advanceTimersByTimeAsync(500)
    expect(await failed).toBe('ERR_SESSION_STORE_TIMEOUT')
    store.calls.length = 0
    found.resolve()
    for (let n = 0; n < 5; n++) await turn()
    expect(store.calls).toEqual(['find'])
    expect(await read(token)).toEqual({ a: 1, b: 2 })
  })

  it('takes nothing back that was changed since', async () => {
    const { manager, ctx, read, token, act, answer } = await timedOut()
    await act()
    manager.put(ctx, 'b', 2)
    await manager.commit(ctx)
    manager.put(ctx, 'c', 3)
    await answer(true)
    await manager.commit(ctx)
    expect(await read(token)).toEqual({ n: 1, b: 2, c: 3 })
  })

  it('is believed rather than what was read before', async () => {
    const { manager, store, ctx, read, token, act, answer } = await timedOut()
    const { find } = store
    store.find = async (sought) => {
      store.find = find
      const found = await find.call(store, sought)
      await act()
      await answer(true)
      return found
    }
    manager.put(ctx, 'b', 2)
    store.fault('before')
    store.calls.length = 0
    await manager.commit(ctx)
    // The one that fails, the look, what came late, and the rest.
    expect(store.calls).toEqual(['replace', 'find', 'replace', 'replace'])
    expect(await read(token)).toEqual({ n: 1, b: 2 })
  })
})

describe('over HTTP', () => {
  it('a request whose session was revoked gets its answer, and no cookie', async () => {
    const { manager, elsewhere, session, errors } = world(2)
    const token = await session()
    await using server = await serve(
      manager.loadAndSave(async (req, res) => {
        const ctx = contextOf(req)
        await elsewhere.destroy(await load(elsewhere, token))
        manager.put(ctx, 'b', 2)
        res.end('answered')
      }),
    )
    const client = new Client(server.url)
    client.cookies.set('session', token)
    const answer = await client.get('/')
    expect(answer).toMatchObject({ status: 200, body: 'answered' })
    expect(answer.header('set-cookie')).toEqual([])
    expect(errors.map(code)).toEqual(['ERR_SESSION_REVOKED'])
  })

  for (const late of [false, true]) {
    it(`a change to a revoked session ${late ? 'throws after the first byte, and changes nothing' : 'is one of memory alone before the first byte'}`, async () => {
      const { manager, elsewhere, session, store } = world(2)
      const token = await session()
      const seen: unknown[] = []
      await using server = await serve(
        manager.loadAndSave(async (req, res) => {
          const ctx = contextOf(req)
          await elsewhere.destroy(await load(elsewhere, token))
          manager.put(ctx, 'b', 2)
          await manager.commit(ctx)
          if (late) {
            res.write('first')
            expect(() => manager.put(ctx, 'c', 3)).toThrow(
              expect.objectContaining({ code: 'ERR_SESSION_HEADERS_SENT' }),
            )
          } else manager.put(ctx, 'c', 3)
          seen.push(await manager.commit(ctx), manager.status(ctx), manager.keys(ctx))
          res.end()
        }),
      )
      const client = new Client(server.url)
      client.cookies.set('session', token)
      expect((await client.get('/')).status).toBe(200)
      expect(seen).toEqual([undefined, 'revoked', late ? ['a', 'b'] : ['a', 'b', 'c']])
      expect(store.size).toBe(0)
    })
  }

  for (const explicit of [false, true]) {
    it(`a login whose session was renewed elsewhere is answered by errorFunc${explicit ? ', also when the handler commits itself' : ''}`, async () => {
      const failures: unknown[] = []
      const { manager, elsewhere, session } = world(2, {
        errorFunc: (_req, res, error) => {
          failures.push(code(error))
          res.statusCode = 500
          res.end('failed')
        },
      })
      const token = await session()
      await using server = await serve(
        manager.loadAndSave(async (req, res) => {
          const ctx = contextOf(req)
          const other = await load(elsewhere, token)
          await elsewhere.renewToken(other)
          await elsewhere.commit(other)
          await manager.renewToken(ctx)
          manager.put(ctx, 'userID', 1)
          if (explicit) await manager.commit(ctx).catch(() => {})
          res.end('welcome')
        }),
      )
      const client = new Client(server.url)
      client.cookies.set('session', token)
      const answer = await client.get('/')
      expect(answer).toMatchObject({ status: 500, body: 'failed' })
      expect(answer.header('set-cookie')).toEqual([])
      expect(failures).toEqual(['ERR_SESSION_REVOKED'])
    })
  }
})

describe('a merge whose store fails at once, after others have written', () => {
  it('tells of the session that stays claimed', async () => {
    const { manager, session, store, errors } = world(0)
    const token = await session({ a: 1 })
    const other = await session({ cart: 1 })
    const ctx = await load(manager, token)
    await manager.mergeSession(ctx, other)
    const replace = store.replace.bind(store)
    let writes = 0
    store.replace = (...call) => {
      if (++writes !== 2) return replace(...call)
      const later = new Date(Date.now() + hour)
      store.memory.commit(token, new JsonCodec().encode(later, new Map([['z', 1]])), later)
      store.failing.set('find', new TypeError('closed'))
      throw new TypeError('closed')
    }
    await expect(manager.commit(ctx)).rejects.toThrow('closed')
    expect(errors).toEqual([new TypeError('closed')])
  })
})

describe('a store without atomic methods', () => {
  it('keeps SCS’s behaviour: the last writer wins, and update is called once', async () => {
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
