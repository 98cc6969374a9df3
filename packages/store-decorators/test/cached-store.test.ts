import { background, hour, MemoryStore, SessionManager } from '@scs/core'
import { cachedStore } from '@scs/store-decorators'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { moved, over } from '../../../test/swaps.ts'
import { ControlledStore, listed, memory, plain } from './stores.ts'

type Cached = ReturnType<typeof cachedStore>

const ctx = background()
const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const inAnHour = () => new Date(Date.now() + hour)
const maxAge = 5_000

/** A store behind the caches of two processes. */
function twoProcesses() {
  const store = new ControlledStore()
  const [here, elsewhere] = [cachedStore(store, { maxAge }), cachedStore(store, { maxAge })]
  return { store, here, elsewhere }
}

/** Moves the clock that the age of a session is measured by. */
function clock() {
  let now = performance.now()
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  return {
    advance(ms: number) {
      now += ms
    },
  }
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('what is read from memory', () => {
  it('a session that was read is not read again, and is there at once', async () => {
    const { store, here } = twoProcesses()
    await here.commitCtx(ctx, 'token', bytes('data'), inAnHour())
    expect(await here.findCtx(ctx, 'token')).toEqual(bytes('data'))
    expect(here.findCtx(ctx, 'token')).toEqual(bytes('data'))
    expect(here.findWithExpiry(ctx, 'token')).toMatchObject({ data: bytes('data') })
    expect(store.reads).toBe(1)
  })

  it('a session that is not there is looked for each time', async () => {
    const { store, here, elsewhere } = twoProcesses()
    expect(await here.findCtx(ctx, 'token')).toBeUndefined()
    await elsewhere.commitCtx(ctx, 'token', bytes('data'), inAnHour())
    expect(await here.findCtx(ctx, 'token')).toEqual(bytes('data'))
    expect(store.reads).toBe(2)
  })

  it('a session whose expiry has come is not found, young as it may be in the cache', async () => {
    const { here } = twoProcesses()
    await here.commitCtx(ctx, 'token', bytes('data'), inAnHour())
    await here.findCtx(ctx, 'token')
    const later = Date.now() + hour
    vi.spyOn(Date, 'now').mockReturnValue(later)
    expect(await here.findCtx(ctx, 'token')).toBeUndefined()
  })

  it('a session that another process has extended is found when its old expiry has come', async () => {
    const { here, elsewhere } = twoProcesses()
    await here.commitCtx(ctx, 'token', bytes('data'), inAnHour())
    await here.findCtx(ctx, 'token')
    await elsewhere.touch(ctx, 'token', new Date(Date.now() + 3 * hour))
    const later = Date.now() + 2 * hour
    vi.spyOn(Date, 'now').mockReturnValue(later)
    expect(await here.findCtx(ctx, 'token')).toEqual(bytes('data'))
  })

  it.each(['the store', 'the cache'])(
    'what callers do to bytes and dates from %s changes nothing',
    async (source) => {
      const { store, here } = twoProcesses()
      await here.commitCtx(ctx, 'token', bytes('data'), inAnHour())
      if (source === 'the cache') await here.findWithExpiry(ctx, 'token')
      const row = await here.findWithExpiry(ctx, 'token')
      row?.data.fill(0)
      row?.expiry.setTime(0)
      expect(await here.findCtx(ctx, 'token')).toEqual(bytes('data'))
      expect(store.reads).toBe(1)
    },
  )

  it('no more sessions than maxEntries, those used last', async () => {
    const store = new ControlledStore()
    const cache = cachedStore(store, { maxAge, maxEntries: 2 })
    for (const token of ['a', 'b', 'c']) await cache.commitCtx(ctx, token, bytes('x'), inAnHour())
    for (const token of ['a', 'b', 'a', 'c']) await cache.findCtx(ctx, token)
    expect(store.reads).toBe(3)
    await cache.findCtx(ctx, 'a')
    expect(store.reads).toBe(3)
    await cache.findCtx(ctx, 'b')
    expect(store.reads).toBe(4)
  })

  it('no more bytes than maxBytes', async () => {
    const store = new ControlledStore()
    const cache = cachedStore(store, { maxAge, maxBytes: 1_000 })
    const sizes = { small: 400, other: 400, third: 400, huge: 2_000 }
    for (const [token, size] of Object.entries(sizes)) {
      await cache.commitCtx(ctx, token, new Uint8Array(size), inAnHour())
    }
    for (const token of ['small', 'other', 'third', 'huge', 'huge']) await cache.findCtx(ctx, token)
    expect(store.reads).toBe(5)
    await cache.findCtx(ctx, 'third')
    expect(store.reads).toBe(5)
    await cache.findCtx(ctx, 'small')
    expect(store.reads).toBe(6)
  })
})

describe('writes of another process', () => {
  it('are seen when a session has been in memory for maxAge, and not before', async () => {
    const { here, elsewhere } = twoProcesses()
    const time = clock()
    await here.commitCtx(ctx, 'token', bytes('old'), inAnHour())
    await here.findCtx(ctx, 'token')
    await elsewhere.commitCtx(ctx, 'token', bytes('new'), inAnHour())
    time.advance(maxAge - 1)
    expect(await here.findCtx(ctx, 'token')).toEqual(bytes('old'))
    time.advance(2)
    expect(await here.findCtx(ctx, 'token')).toEqual(bytes('new'))
  })

  it('are seen in time however long the read took that missed them', async () => {
    const { store, here, elsewhere } = twoProcesses()
    const time = clock()
    await here.commitCtx(ctx, 'token', bytes('old'), inAnHour())
    store.after = () => time.advance(maxAge + 1)
    expect(await here.findCtx(ctx, 'token')).toEqual(bytes('old'))
    store.after = () => {}
    await elsewhere.deleteCtx(ctx, 'token')
    expect(await here.findCtx(ctx, 'token')).toBeUndefined()
  })

  it('use does not make a session younger', async () => {
    const { here, elsewhere } = twoProcesses()
    const time = clock()
    await here.commitCtx(ctx, 'token', bytes('data'), inAnHour())
    await here.findCtx(ctx, 'token')
    await elsewhere.deleteCtx(ctx, 'token')
    time.advance(maxAge - 1)
    await here.findCtx(ctx, 'token')
    time.advance(2)
    expect(await here.findCtx(ctx, 'token')).toBeUndefined()
  })
})

describe('writes of this process', () => {
  const writes = {
    commit: (cache: Cached) => cache.commitCtx(ctx, 'token', bytes('new'), inAnHour()),
    replace: (cache: Cached) =>
      cache.swap(ctx, over('token', bytes('old'), bytes('new'), inAnHour())),
    touch: (cache: Cached) => cache.touch(ctx, 'token', new Date(Date.now() + 3 * hour)),
    delete: (cache: Cached) => cache.deleteCtx(ctx, 'token'),
    rename: (cache: Cached) =>
      cache.swap(ctx, moved('token', 'other', bytes('old'), bytes('new'), inAnHour())),
    swap: (cache: Cached) => {
      const from = { token: 'token', data: bytes('old') }
      const to = { token: 'token', data: bytes('new'), expiry: inAnHour() }
      return cache.swap(ctx, { from, to, absorbed: [] })
    },
    'swap to another token': (cache: Cached) => {
      const from = { token: 'token', data: bytes('old') }
      const to = { token: 'other', data: bytes('new'), expiry: inAnHour() }
      return cache.swap(ctx, { from, to, absorbed: [] })
    },
    'swap that absorbs': (cache: Cached) => {
      const to = { token: 'other', data: bytes('new'), expiry: inAnHour() }
      const absorbed = [{ token: 'token', data: bytes('old') }]
      return cache.swap(ctx, { from: undefined, to, absorbed })
    },
  }

  it.each(Object.entries(writes))('%s is seen at once', async (_name, write) => {
    const { store, here } = twoProcesses()
    await here.commitCtx(ctx, 'token', bytes('old'), inAnHour())
    await here.findCtx(ctx, 'token')
    await write(here)
    expect(await here.findWithExpiry(ctx, 'token')).toEqual(
      MemoryStore.prototype.findWithExpiry.call(store, ctx, 'token'),
    )
    expect(store.reads).toBe(2)
  })

  it.each(Object.entries(writes))('%s keeps a read that began before it out', async (_n, write) => {
    const { store, here } = twoProcesses()
    await here.commitCtx(ctx, 'token', bytes('old'), inAnHour())
    const [seen, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    store.after = (call) => {
      if (call !== 'findWithExpiry') return
      seen.resolve()
      return answered.promise
    }
    const early = here.findCtx(ctx, 'token')
    await seen.promise
    await write(here)
    answered.resolve()
    expect(await early).toEqual(bytes('old'))
    await here.findCtx(ctx, 'token')
    expect(store.reads).toBe(2)
  })

  it('one that is refused shows what is there', async () => {
    const { here, elsewhere } = twoProcesses()
    await here.commitCtx(ctx, 'token', bytes('old'), inAnHour())
    await here.findCtx(ctx, 'token')
    await elsewhere.commitCtx(ctx, 'token', bytes('theirs'), inAnHour())
    expect(await writes.replace(here)).toBe(false)
    expect(await here.findCtx(ctx, 'token')).toEqual(bytes('theirs'))
  })

  it('one that failed, and was done, is seen at once', async () => {
    const { store, here } = twoProcesses()
    await here.commitCtx(ctx, 'token', bytes('old'), inAnHour())
    await here.findCtx(ctx, 'token')
    store.after = (call) => {
      if (call === 'swap') throw new Error('the connection was lost')
    }
    await expect(writes.replace(here)).rejects.toThrow('the connection was lost')
    expect(await here.findCtx(ctx, 'token')).toEqual(bytes('new'))
  })
})

describe('with session managers in two processes', () => {
  interface Values {
    user: string
    count: number
  }

  async function loggedIn() {
    const processes = twoProcesses()
    const errors: unknown[] = []
    const managerOn = (store: Cached) =>
      new SessionManager<Values>({ store, onError: (error) => errors.push(error) })
    const [here, elsewhere] = [managerOn(processes.here), managerOn(processes.elsewhere)]
    const session = await here.load(ctx, '')
    here.put(session, 'user', 'alice')
    const { token } = (await here.commit(session)) ?? { token: '' }
    for (const manager of [here, elsewhere]) await manager.load(ctx, token)
    return { ...processes, here, elsewhere, token, errors }
  }

  it('a logout elsewhere is seen here after maxAge; nothing can be written until then', async () => {
    const time = clock()
    const { here, elsewhere, token, errors } = await loggedIn()
    await elsewhere.destroy(await elsewhere.load(ctx, token))
    expect(elsewhere.getString(await elsewhere.load(ctx, token), 'user')).toBe('')

    const stale = await here.load(ctx, token)
    expect(here.getString(stale, 'user')).toBe('alice')
    here.put(stale, 'count', 1)
    expect(await here.commit(stale)).toBeUndefined()
    expect(errors).toMatchObject([{ code: 'ERR_SESSION_REVOKED' }])
    // The refusal has told.
    expect(here.getString(await here.load(ctx, token), 'user')).toBe('')
    time.advance(maxAge + 1)
    expect(here.getString(await here.load(ctx, token), 'user')).toBe('')
  })

  it('and after maxAge where nothing is written', async () => {
    const time = clock()
    const { here, elsewhere, token } = await loggedIn()
    await elsewhere.destroy(await elsewhere.load(ctx, token))
    expect(here.getString(await here.load(ctx, token), 'user')).toBe('alice')
    time.advance(maxAge + 1)
    expect(here.getString(await here.load(ctx, token), 'user')).toBe('')
  })

  it('200 requests on old sessions add 200 to a counter', async () => {
    const { here, elsewhere, token } = await loggedIn()
    const managers = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? here : elsewhere))
    await Promise.all(
      managers.map(async (manager) => {
        const session = await manager.load(ctx, token)
        manager.update(session, 'count', (count = 0) => count + 1)
        await manager.commit(session)
      }),
    )
    // One that is read now is not older than its own last write.
    for (const manager of [here, elsewhere]) {
      const session = await manager.load(ctx, token)
      manager.put(session, 'user', 'bob')
      await manager.commit(session)
      expect(manager.get(await manager.load(ctx, token), 'count')).toBe(200)
    }
  })

  it('of two commits on one old session, the second looks into the store once', async () => {
    const { store, here, elsewhere, token } = await loggedIn()
    const [first, second] = [await elsewhere.load(ctx, token), await here.load(ctx, token)]
    elsewhere.put(first, 'count', 1)
    await elsewhere.commit(first)
    const reads = store.reads
    here.put(second, 'user', 'bob')
    await here.commit(second)
    expect(store.reads).toBe(reads + 1)
    const after = await here.load(ctx, token)
    expect([here.get(after, 'count'), here.get(after, 'user')]).toEqual([1, 'bob'])
  })
})

describe('construction', () => {
  it('refuses a store without the atomic methods', () => {
    expect(() => cachedStore(plain(memory()) as never, { maxAge })).toThrow(
      new TypeError('store has none of the atomic methods, without which a cache loses changes'),
    )
  })

  it.each([
    ['maxAge', '1 or more'],
    ['maxEntries', 'from 1 to 1000000'],
    ['maxBytes', '1 or more'],
  ])('refuses a %s that cannot be', (option, range) => {
    for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => cachedStore(memory(), { maxAge, [option]: value })).toThrow(
        new TypeError(`${option} must be a whole number, ${range}; it is ${value}`),
      )
    }
    expect(() => cachedStore(memory(), { maxAge, [option]: '1' })).toThrow(
      `${option} must be a whole number, ${range}; it is of type string`,
    )
  })

  it('needs options, and no others than it has', () => {
    const construct = (...args: unknown[]) => Reflect.apply(cachedStore, undefined, args)
    const must = 'the options of cachedStore must be an object, such as { maxAge: … }; it is '
    expect(() => construct(memory())).toThrow(new TypeError(`${must}undefined`))
    expect(() => construct(memory(), 5_000)).toThrow(new TypeError(`${must}a number`))
    expect(() => construct(memory(), {})).toThrow('maxAge must be a whole number, 1 or more')
    expect(() => construct(memory(), { maxage: 1 })).toThrow(
      new TypeError('cachedStore has no option maxage: did you mean maxAge?'),
    )
    expect(() => construct(memory(), { ttl: 1 })).toThrow(
      new TypeError('cachedStore has no option ttl: did you mean maxAge?'),
    )
    expect(() => construct()).toThrow(new TypeError('store must be an object; it is undefined'))
  })

  // Room for them is set aside at once.
  it('refuses more entries than there may be room for, and has no limit of bytes', () => {
    for (const maxEntries of [1_000_001, Number.MAX_SAFE_INTEGER]) {
      expect(() => cachedStore(memory(), { maxAge, maxEntries })).toThrow(
        new TypeError(`maxEntries must be a whole number, from 1 to 1000000; it is ${maxEntries}`),
      )
    }
    cachedStore(memory(), { maxAge, maxBytes: Number.MAX_SAFE_INTEGER })
  })

  it('has no iteration where the store has none', async () => {
    const store = memory()
    await store.commit('token', bytes('data'), inAnHour())
    expect(await listed(cachedStore(store, { maxAge }))).toEqual([['token', bytes('data')]])
    const { find, commit, delete: remove, findWithExpiry, touch, swap } = store
    const bare = { find, commit, delete: remove, findWithExpiry, touch, swap }
    expect(cachedStore(bare, { maxAge }).scan).toBeUndefined()
  })
})
