import { background, hour, SessionManager, type SessionStore } from '@scs/core'
import { migratingStore } from '@scs/store-decorators'
import { describe, expect, it } from 'vitest'
import { moved, over } from '../../../test/swaps.ts'
import { sessionsOf } from '../../drizzle-store/test/sessions-of.ts'
import { ControlledStore, listed, memory, plain, sqlite } from './stores.ts'

const ctx = background()
const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const inAnHour = () => new Date(Date.now() + hour)

/** A session `old` in the store that is to be left, and one `new` in the other. */
async function twoStores() {
  const [from, to] = [memory(), memory()]
  from.commit('old', bytes('old'), inAnHour())
  to.commit('new', bytes('new'), inAnHour())
  return { from, to, store: migratingStore({ from, to }) }
}

interface Values {
  user: string
  count: number
}

const managerOn = (store: SessionStore, errors: unknown[] = []) =>
  new SessionManager<Values>({ store, onError: (error) => errors.push(error) })

/** A token of a session that was there before the migration. */
async function login(store: SessionStore): Promise<string> {
  const manager = managerOn(store)
  const session = await manager.load(ctx, '')
  manager.put(session, 'user', 'alice')
  manager.put(session, 'count', 0)
  return (await manager.commit(session))?.token ?? ''
}

async function userOf(manager: SessionManager<Values>, token: string): Promise<string> {
  return manager.getString(await manager.load(ctx, token), 'user')
}

describe('a session is in one of the two', () => {
  it('new ones go to the new store', async () => {
    const { from, to, store } = await twoStores()
    await store.commitCtx?.(ctx, 'another', bytes('another'), inAnHour())
    expect([...from.all().keys()]).toEqual(['old'])
    expect([...to.all().keys()]).toEqual(['new', 'another'])
  })

  it('one of the old store is found there, and written there', async () => {
    const { from, to, store } = await twoStores()
    expect(await store.findCtx?.(ctx, 'old')).toEqual(bytes('old'))
    expect(await store.findWithExpiry(ctx, 'old')).toEqual(from.findWithExpiry(ctx, 'old'))
    const expiry = new Date(Date.now() + 2 * hour)
    expect(await store.touch(ctx, 'old', expiry)).toBe(true)
    expect(from.findWithExpiry(ctx, 'old')?.expiry).toEqual(expiry)
    expect(await store.swap(ctx, over('old', bytes('old'), bytes('2'), expiry))).toBe(true)
    await store.commitCtx?.(ctx, 'old', bytes('3'), expiry)
    expect(await store.swap(ctx, moved('old', 'renewed', bytes('3'), bytes('4'), expiry))).toBe(
      true,
    )
    expect([...from.all()]).toEqual([['renewed', bytes('4')]])
    expect([...to.all().keys()]).toEqual(['new'])
  })

  it('one that is in neither is in neither afterwards', async () => {
    const { from, to, store } = await twoStores()
    const none = bytes('')
    expect(await store.findCtx?.(ctx, 'none')).toBeUndefined()
    expect(await store.touch(ctx, 'none', inAnHour())).toBe(false)
    expect(await store.swap(ctx, over('none', none, none, inAnHour()))).toBe(false)
    expect(await store.swap(ctx, moved('none', 'other', none, none, inAnHour()))).toBe(false)
    expect([from.all().size, to.all().size]).toEqual([1, 1])
  })

  const row = (token: string) => ({ token, data: bytes(token) })
  const renewed = () => ({ token: 'renewed', data: bytes('renewed'), expiry: inAnHour() })

  it('swap writes a session in the store that has it, and a new one in the new store', async () => {
    const { from, to, store } = await twoStores()
    const swap = { from: row('old'), to: renewed(), absorbed: [] }
    expect(await store.swap(ctx, swap)).toBe(true)
    expect([...from.all().keys()]).toEqual(['renewed'])
    expect(await store.swap(ctx, { ...swap, from: undefined })).toBe(false)
    const added = { ...renewed(), token: 'added' }
    expect(await store.swap(ctx, { from: undefined, to: added, absorbed: [] })).toBe(true)
    expect([...to.all().keys()].sort()).toEqual(['added', 'new'])
  })

  it.each([
    ['the old store, which absorbs one of the new', 'old', 'new', ['renewed'], []],
    ['the new store, which absorbs one of the old', 'new', 'old', [], ['renewed']],
    ['neither store, which absorbs both', undefined, 'both', [], ['renewed']],
  ] as const)('swap of a session of %s', async (_what, own, other, inFrom, inTo) => {
    const { from, to, store } = await twoStores()
    const swap = {
      from: own && row(own),
      to: renewed(),
      absorbed: other === 'both' ? [row('old'), row('new')] : [row(other)],
    }
    expect(await store.swap(ctx, swap)).toBe(true)
    expect([...from.all().keys()]).toEqual(inFrom)
    expect([...to.all().keys()]).toEqual(inTo)
    expect(await store.swap(ctx, { ...swap, to: { ...renewed(), token: 'next' } })).toBe(false)
  })

  it.each([
    ['an absorbed session holds other bytes', 'new', { token: 'old', data: bytes('else') }],
    ['an absorbed session is in neither store', 'new', row('none')],
    ['the session itself has gone', 'none', row('old')],
  ])('a swap that finds that %s is false, and changes neither', async (_what, own, absorbed) => {
    const { from, to, store } = await twoStores()
    const swap = { from: row(own), to: renewed(), absorbed: [absorbed] }
    expect(await store.swap(ctx, swap)).toBe(false)
    expect([...from.all()]).toEqual([['old', bytes('old')]])
    expect([...to.all()]).toEqual([['new', bytes('new')]])
  })

  it('of an absorbed session in the other store nothing is put back when the swap fails', async () => {
    const { from, to, store } = await twoStores()
    to.swap = () => {
      throw new Error('disk full')
    }
    const swap = { from: row('new'), to: renewed(), absorbed: [row('old')] }
    await expect(store.swap(ctx, swap)).rejects.toThrow('disk full')
    expect(from.all().size).toBe(0)
    expect([...to.all().keys()]).toEqual(['new'])
  })

  it('delete looks for it in both', async () => {
    const { from, to, store } = await twoStores()
    await store.deleteCtx?.(ctx, 'old')
    await store.deleteCtx?.(ctx, 'new')
    expect([from.all().size, to.all().size]).toEqual([0, 0])
  })

  it('scan gives those of both', async () => {
    const { store } = await twoStores()
    const all = new Map(await listed(store))
    expect(all).toEqual(
      new Map([
        ['new', bytes('new')],
        ['old', bytes('old')],
      ]),
    )
  })
})

describe('what it has', () => {
  const methods = ['findWithExpiry', 'touch', 'swap', 'scan'] as const
  const has = (store: SessionStore) => methods.filter((method) => store[method] !== undefined)

  it('the atomic methods and scan, when both have them', async () => {
    expect(has(migratingStore({ from: await sqlite(), to: memory() }))).toEqual(methods)
    expect(has(migratingStore({ from: plain(memory()), to: memory() }))).toEqual([])
    expect(has(migratingStore({ from: memory(), to: plain(memory()) }))).toEqual([])
  })

  it('scan also when a store can only list them all at once', async () => {
    const [from, to] = [memory(), memory()]
    from.commit('old', bytes('old'), inAnHour())
    const listing = { ...plain(from), all: () => from.all() }
    const store = migratingStore({ from: listing, to })
    expect(has(store)).toEqual(['scan'])
    expect(await listed(store)).toEqual([['old', bytes('old')]])
  })

  it('says which of the two is no store', () => {
    expect(() => migratingStore({ from: {} as never, to: memory() })).toThrow(
      new TypeError('from: store has neither a method find nor findCtx'),
    )
    expect(() => migratingStore({ from: memory(), to: undefined as never })).toThrow(
      new TypeError('to: store must be an object; it is undefined'),
    )
  })

  it('refuses one store twice: every session would be looked for twice, and none would move', () => {
    const store = memory()
    expect(() => migratingStore({ from: store, to: store })).toThrow(
      new TypeError('from and to are the same store: nothing would move'),
    )
  })

  it('takes one object with two stores, and says so', () => {
    const migrate = migratingStore as (...args: unknown[]) => unknown
    const must = 'the options of migratingStore must be an object, such as { from: … }; it is '
    expect(() => migrate()).toThrow(new TypeError(`${must}undefined`))
    expect(() => migrate(memory(), memory())).toThrow(
      new TypeError(`${must}an instance of MemoryStore`),
    )
    expect(() => migrate({ From: memory(), to: memory() })).toThrow(
      new TypeError('migratingStore has no option From: did you mean from?'),
    )
  })
})

describe('with session managers', () => {
  it('nobody is logged out, and new sessions leave the old store alone', async () => {
    const [from, to] = [await sqlite(), memory()]
    const token = await login(from)
    const manager = managerOn(migratingStore({ from, to }))
    const session = await manager.load(ctx, token)
    expect(manager.getString(session, 'user')).toBe('alice')
    manager.put(session, 'user', 'alice b.')
    await manager.commit(session)
    expect(await userOf(manager, token)).toBe('alice b.')
    expect(await userOf(manager, await login(migratingStore({ from, to })))).toBe('alice')
    expect([(await sessionsOf(from)).size, to.all().size]).toEqual([1, 1])
  })

  it('a logout is a logout in both stores, also while another request writes', async () => {
    const [from, to] = [await sqlite(), memory()]
    const errors: unknown[] = []
    const manager = managerOn(migratingStore({ from, to }), errors)
    for (const token of [await login(from), await login(to)]) {
      const [leaving, writing] = [await manager.load(ctx, token), await manager.load(ctx, token)]
      manager.put(writing, 'count', 1)
      await manager.destroy(leaving)
      expect(await manager.commit(writing)).toBeUndefined()
      expect(await userOf(manager, token)).toBe('')
    }
    expect(errors).toMatchObject(Array(2).fill({ code: 'ERR_SESSION_REVOKED' }))
    expect([(await sessionsOf(from)).size, to.all().size]).toEqual([0, 0])
  })

  it('a renewed session lives under its new token alone', async () => {
    const [from, to] = [await sqlite(), memory()]
    const token = await login(from)
    const manager = managerOn(migratingStore({ from, to }))
    const session = await manager.load(ctx, token)
    await manager.renewToken(session)
    await manager.commit(session)
    expect(await userOf(manager, token)).toBe('')
    expect(await userOf(manager, manager.token(session))).toBe('alice')
  })

  it('two sessions of two stores are merged', async () => {
    const [from, to] = [await sqlite(), memory()]
    const [old, token] = [await login(from), await login(to)]
    const manager = managerOn(migratingStore({ from, to }))
    const session = await manager.load(ctx, token)
    manager.remove(session, 'user')
    await manager.mergeSession(session, old)
    await manager.commit(session)
    expect(await userOf(manager, token)).toBe('alice')
    expect((await sessionsOf(from)).size).toBe(0)
  })

  it('iterate gives, and destroys, the sessions of both', async () => {
    const [from, to] = [await sqlite(), memory()]
    await login(from)
    await login(to)
    const manager = managerOn(migratingStore({ from, to }))
    const users: string[] = []
    await manager.iterate(ctx, async (each) => {
      users.push(manager.getString(each, 'user'))
      await manager.destroy(each)
    })
    expect(users).toEqual(['alice', 'alice'])
    expect([(await sessionsOf(from)).size, to.all().size]).toEqual([0, 0])
  })

  // While servers are replaced one by one, some still write new sessions to the old store.
  it('200 requests in two processes that move opposite ways add 200 to a counter', async () => {
    const [from, to] = [await sqlite(), memory()]
    const managers = [
      managerOn(migratingStore({ from, to })),
      managerOn(migratingStore({ from: to, to: from })),
    ]
    for (const token of [await login(from), await login(to)]) {
      await Promise.all(
        Array.from({ length: 200 }, async (_, i) => {
          const manager = managers[i % 2] ?? managerOn(from)
          const session = await manager.load(ctx, token)
          manager.update(session, 'count', (count = 0) => count + 1)
          await manager.commit(session)
        }),
      )
      for (const manager of managers) {
        expect(manager.get(await manager.load(ctx, token), 'count')).toBe(200)
      }
    }
    expect([(await sessionsOf(from)).size, to.all().size]).toEqual([1, 1])
  })

  it('a renewal on plain stores takes the session to the new one', async () => {
    const [from, to] = [memory(), memory()]
    const token = await login(from)
    const manager = managerOn(migratingStore({ from: plain(from), to: plain(to) }))
    const session = await manager.load(ctx, token)
    await manager.renewToken(session)
    await manager.commit(session)
    expect([from.all().size, to.all().size]).toEqual([0, 1])
    expect(await userOf(manager, manager.token(session))).toBe('alice')
  })

  it('a login renews a session in the old store, which is not to be left before that one is over', async () => {
    const [from, to] = [memory(), memory()]
    const token = await login(from)
    const old = (await from.findWithExpiry(ctx, token))?.expiry.getTime() ?? 0
    const manager = new SessionManager({ store: migratingStore({ from, to }), lifetime: 48 * hour })
    const session = await manager.load(ctx, token)
    await manager.renewToken(session)
    await manager.commit(session)
    expect(to.all().size).toBe(0)
    const renewed = manager.token(session)
    const expiry = from.findWithExpiry(ctx, renewed)?.expiry.getTime() ?? 0
    expect(expiry).toBeGreaterThan(old + 23 * hour)
    // Who takes the last step now logs its user out.
    expect(await userOf(managerOn(to), renewed)).toBe('')
  })

  // As the README has it.
  it('what is left is moved when nobody writes, and who logs out then is not brought back by the way back', async () => {
    const [from, to] = [await sqlite(), memory()]
    const tokens = [await login(from), await login(from)]
    for await (const [token] of from.scan(ctx)) {
      const row = await from.findWithExpiry(ctx, token)
      if (row) await to.commit(token, row.data, row.expiry)
      await from.deleteCtx(ctx, token)
    }
    const manager = managerOn(to)
    for (const token of tokens) expect(await userOf(manager, token)).toBe('alice')
    const [gone = '', kept = ''] = tokens
    await manager.destroy(await manager.load(ctx, gone))
    for (const back of [migratingStore({ from, to }), migratingStore({ from: to, to: from })]) {
      expect(await userOf(managerOn(back), gone)).toBe('')
      expect(await userOf(managerOn(back), kept)).toBe('alice')
    }
  })
})

describe('when a store fails', () => {
  const down = () => {
    throw new Error('the store is down')
  }

  it('a session of the other one is not taken for none', async () => {
    for (const broken of ['from', 'to'] as const) {
      const stores = { from: new ControlledStore(), to: new ControlledStore() }
      stores.from.commit('old', bytes('old'), inAnHour())
      stores[broken].before = down
      const store = migratingStore(stores)
      const call = store.findWithExpiry(ctx, 'old')
      await expect(call).rejects.toThrow('the store is down')
    }
  })

  it('a delete that found one store down has not been told as done, and is done again', async () => {
    for (const broken of ['from', 'to'] as const) {
      const stores = { from: new ControlledStore(), to: new ControlledStore() }
      const manager = managerOn(migratingStore(stores))
      const token = await login(stores.from)
      const session = await manager.load(ctx, token)
      stores[broken].before = (call) => (call === 'deleteCtx' ? down() : undefined)
      await expect(manager.destroy(session)).rejects.toThrow('the store is down')
      expect(await userOf(manager, token)).toBe('alice')
      stores[broken].before = () => {}
      await manager.destroy(session)
      expect(await userOf(manager, token)).toBe('')
    }
  })

  it('a write whose answer is lost is made once', async () => {
    const stores = { from: new ControlledStore(), to: new ControlledStore() }
    const manager = managerOn(migratingStore(stores))
    const token = await login(stores.from)
    const session = await manager.load(ctx, token)
    manager.update(session, 'count', (count = 0) => count + 1)
    let losses = 1
    stores.from.after = (call) => {
      if (call === 'swap' && losses-- > 0) down()
    }
    await manager.commit(session)
    expect(losses).toBe(0)
    expect(manager.get(await manager.load(ctx, token), 'count')).toBe(1)
  })
})
