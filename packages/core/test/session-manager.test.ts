import { type IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setImmediate as settled } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  type AtomicStore,
  background,
  bindContext,
  type Codec,
  type Context,
  type CtxStore,
  contextKey,
  contextOf,
  day,
  hour,
  JsonCodec,
  MemoryStore,
  minute,
  type ScannableStore,
  SessionError,
  SessionManager,
  type SessionManagerOptions,
  type Store,
  second,
  withSignal,
  withValue,
} from '../src/index.ts'

const now = Date.parse('2026-12-01T10:00:00.250Z')
const inTime = (milliseconds: number) => new Date(Date.now() + milliseconds)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'performance'], now })
})

afterEach(() => {
  vi.useRealTimers()
})

/** SCS's store interface alone. It records its calls; `before` may fail one by a throw, or hold it by a promise. */
class PlainStore implements Store {
  readonly memory = new MemoryStore({ cleanupInterval: 0 })
  readonly calls: string[] = []
  before: (call: string) => unknown = () => undefined

  find(token: string) {
    return this.answer(`find ${token}`, () => this.memory.find(token))
  }

  commit(token: string, data: Uint8Array, expiry: Date) {
    return this.answer(`commit ${token}`, () => this.memory.commit(token, data, expiry))
  }

  delete(token: string) {
    return this.answer(`delete ${token}`, () => this.memory.delete(token))
  }

  protected answer<T>(call: string, act: () => T): T | Promise<T> {
    this.calls.push(call)
    const pending = this.before(call)
    return pending instanceof Promise ? pending.then(act) : act()
  }
}

class IterableStore extends PlainStore {
  all() {
    return this.answer('all', () => this.memory.all())
  }
}

class WholeStore extends PlainStore implements AtomicStore, ScannableStore {
  findWithExpiry(ctx: Context, token: string) {
    return this.answer(`findWithExpiry ${token}`, () => this.memory.findWithExpiry(ctx, token))
  }

  touch(ctx: Context, token: string, expiry: Date) {
    return this.answer(`touch ${token}`, () => this.memory.touch(ctx, token, expiry))
  }

  swap(...args: Parameters<AtomicStore['swap']>) {
    return this.answer(`swap ${args[1].from?.token}`, () => this.memory.swap(...args))
  }

  scan(ctx: Context) {
    this.calls.push('scan')
    return this.memory.scan(ctx)
  }
}

const codec = new JsonCodec()

/** Files a session, past the recorder. */
function seed(
  store: PlainStore,
  token: string,
  values: Record<string, unknown> = { name: 'Ada' },
  deadline: Date = inTime(hour),
  expiry: Date = deadline,
): void {
  store.memory.commit(token, codec.encode(deadline, new Map(Object.entries(values))), expiry)
}

/** What the store holds under `token`. */
function stored(store: PlainStore, token: string): Record<string, unknown> | undefined {
  const data = store.memory.find(token)
  return data && Object.fromEntries(codec.decode(data).values)
}

const tokensOf = (store: PlainStore): string[] => [...store.memory.all().keys()]

/** A manager over a recording store, with what its `onError` has heard. */
function make<S extends PlainStore>(store: S, options: SessionManagerOptions = {}) {
  const heard: unknown[] = []
  const manager = new SessionManager({ store, onError: (error) => heard.push(error), ...options })
  const load = (token?: string) => manager.load(background(), token)
  /** A committed session of its own token. */
  const begin = async (values: Record<string, unknown>): Promise<string> => {
    const ctx = await load()
    for (const [key, value] of Object.entries(values)) manager.put(ctx, key, value)
    const committed = await manager.commit(ctx)
    store.calls.length = 0
    return committed?.token ?? ''
  }
  return { store, manager, heard, load, begin }
}

const code = (code: SessionError['code']) => expect.objectContaining({ code })

const thrown = (error: Error): never => {
  throw error
}
const rejected = async (error: Error): Promise<never> => thrown(error)

const failing = (call: string, error: unknown) => (made: string) => {
  if (made.startsWith(call)) throw error
}

/** A promise and what settles it. */
function held() {
  let release = (): void => undefined
  const promise = new Promise<void>((resolve) => {
    release = resolve
  })
  return { promise, release }
}

const down = new Error('the database is down')

// data_test.go TestSessionDataFromContext
describe('a context without a session of this manager', () => {
  const { manager, load } = make(new PlainStore())

  const calls: [string, (ctx: Context) => unknown][] = [
    ['put', (ctx) => manager.put(ctx, 'key', 1)],
    ['get', (ctx) => manager.get(ctx, 'key')],
    ['pop', (ctx) => manager.pop(ctx, 'key')],
    ['remove', (ctx) => manager.remove(ctx, 'key')],
    ['clear', (ctx) => manager.clear(ctx)],
    ['exists', (ctx) => manager.exists(ctx, 'key')],
    ['keys', (ctx) => manager.keys(ctx)],
    ['getString', (ctx) => manager.getString(ctx, 'key')],
    ['popTime', (ctx) => manager.popTime(ctx, 'key')],
    ['rememberMe', (ctx) => manager.rememberMe(ctx, true)],
    ['status', (ctx) => manager.status(ctx)],
    ['token', (ctx) => manager.token(ctx)],
    ['deadline', (ctx) => manager.deadline(ctx)],
    ['setDeadline', (ctx) => manager.setDeadline(ctx, inTime(hour))],
  ]

  test.each(calls)('%s throws ERR_SESSION_NOT_LOADED', (_method, call) => {
    expect(() => call(background())).toThrow(SessionError)
    expect(() => call(background())).toThrow(/^scs: no session data in context: /)
    expect(() => call(background())).toThrow(code('ERR_SESSION_NOT_LOADED'))
  })

  test.each<[string, (ctx: Context) => Promise<unknown>]>([
    ['commit', (ctx) => manager.commit(ctx)],
    [
      'commitAndWriteSessionCookie',
      (ctx) => manager.commitAndWriteSessionCookie(ctx, new Headers()),
    ],
    ['destroy', (ctx) => manager.destroy(ctx)],
    ['renewToken', (ctx) => manager.renewToken(ctx)],
    ['mergeSession', (ctx) => manager.mergeSession(ctx, 'token')],
  ])('%s rejects with ERR_SESSION_NOT_LOADED', async (_method, call) => {
    await expect(call(background())).rejects.toEqual(code('ERR_SESSION_NOT_LOADED'))
  })

  test('writeSessionCookie throws it where the session must say whether the cookie lasts', () => {
    const manager = new SessionManager({ cookie: { persist: false } })
    const headers = new Headers()
    expect(() => manager.writeSessionCookie(background(), headers, 'a', inTime(hour))).toThrow(
      code('ERR_SESSION_NOT_LOADED'),
    )
    expect(headers.getSetCookie()).toEqual([])
    manager.writeSessionCookie(background(), headers, '', undefined)
    expect(headers.getSetCookie()).toHaveLength(1)
  })

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['a request', {}],
  ])('%s in place of a context is the same error', (_what, ctx) => {
    expect(() => manager.get(ctx as never, 'key')).toThrow(code('ERR_SESSION_NOT_LOADED'))
  })

  test("another manager's session is none of this one", async () => {
    const ctx = await load('')
    const other = new SessionManager({ cookie: { name: 'other' } })
    expect(() => other.get(ctx, 'key')).toThrow(code('ERR_SESSION_NOT_LOADED'))
    const both = await other.load(ctx, '')
    other.put(both, 'key', 'theirs')
    expect(manager.exists(both, 'key')).toBe(false)
    expect(other.get(both, 'key')).toBe('theirs')
  })
})

// data_test.go TestSessionManager_Load
describe('load', () => {
  // "happy path"
  test('finds the session of a token', async () => {
    const { store, manager, load } = make(new PlainStore())
    const deadline = inTime(hour)
    seed(store, 'example', { things: ['a', 'b'] }, deadline)
    const ctx = await load('example')
    expect(manager.token(ctx)).toBe('example')
    expect(manager.status(ctx)).toBe('unmodified')
    expect(manager.deadline(ctx)).toEqual(deadline)
    expect(manager.get(ctx, 'things')).toEqual(['a', 'b'])
    expect(store.calls).toEqual(['find example'])
  })

  test('keeps the values and the signal of the context it is given', async () => {
    const { manager } = make(new PlainStore())
    const key = contextKey<string>('tag')
    const { signal } = new AbortController()
    const ctx = await manager.load(withSignal(withValue(background(), key, 'kept'), signal), '')
    expect(ctx.value(key)).toBe('kept')
    expect(ctx.signal).toBe(signal)
  })

  // "preexisting session data"
  test('gives a context back that carries a session of this manager already', async () => {
    const { store, manager, load } = make(new PlainStore())
    seed(store, 'example')
    const ctx = await load()
    expect(await manager.load(ctx, 'example')).toBe(ctx)
    expect(store.calls).toEqual([])
  })

  // "empty token"
  test.each([undefined, '', 'x'.repeat(44), 'a b', 'a\0', '%41'])(
    'never asks the store for the token %j, also when a row has it',
    async (token) => {
      const { store, manager, load } = make(new PlainStore())
      seed(store, token ?? '')
      const ctx = await load(token)
      expect(store.calls).toEqual([])
      expect(manager.token(ctx)).toBe('')
      expect(manager.keys(ctx)).toEqual([])
    },
  )

  // "error in store"
  test("passes the store's error through as it is", async () => {
    const { store, load } = make(new PlainStore())
    store.before = failing('find', down)
    await expect(load('example')).rejects.toBe(down)
    store.before = () => Promise.reject(down)
    await expect(load('example')).rejects.toBe(down)
  })

  // "unfound token in store"
  test('never adopts a token that the store does not know: a new session has none', async () => {
    const { store, manager, load } = make(new PlainStore(), { lifetime: 5 * hour })
    const ctx = await load('invented')
    expect(manager.token(ctx)).toBe('')
    expect(manager.status(ctx)).toBe('unmodified')
    expect(manager.deadline(ctx)).toEqual(inTime(5 * hour))
    expect(manager.keys(ctx)).toEqual([])
    manager.put(ctx, 'key', 1)
    const committed = await manager.commit(ctx)
    expect(committed?.token).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(tokensOf(store)).toEqual([committed?.token])
  })

  // "error in decode"
  test("with unreadable: 'fail', data that cannot be decoded is an error", async () => {
    const { store, heard, load } = make(new PlainStore(), { unreadable: 'fail' })
    store.memory.commit('example', Buffer.from('secret, not JSON'), inTime(hour))
    const error = await load('example').catch((error: unknown) => error)
    expect(error).toEqual(code('ERR_SESSION_UNREADABLE'))
    expect(error).toHaveProperty('cause', expect.any(Error))
    expect(String(error)).not.toMatch(/secret|example/)
    expect(heard).toEqual([])
  })

  // "with token hashing"
  test('with hashed tokens, the client holds one token and the store another', async () => {
    const { store, manager, load, begin } = make(new PlainStore(), { hashTokenInStore: true })
    const token = await begin({ name: 'Ada' })
    expect(tokensOf(store)).toHaveLength(1)
    expect(tokensOf(store)).not.toContain(token)
    const ctx = await load(token)
    expect(manager.token(ctx)).toBe(token)
    expect(manager.get(ctx, 'name')).toBe('Ada')
    expect(store.calls).toEqual([`find ${tokensOf(store)[0]}`])
    await manager.destroy(ctx)
    expect(tokensOf(store)).toEqual([])
  })

  test('what the store files a hashed session under is no token for a client', async () => {
    const { store, manager, load, begin } = make(new PlainStore(), { hashTokenInStore: true })
    await begin({ name: 'Ada' })
    const ctx = await load(tokensOf(store)[0])
    expect(manager.exists(ctx, 'name')).toBe(false)
  })

  test('a session past its deadline is not found, whatever its row says', async () => {
    const { store, manager, heard, load } = make(new PlainStore())
    seed(store, 'over', { name: 'Ada' }, inTime(0), inTime(hour))
    seed(store, 'live', { name: 'Grace' }, inTime(1), inTime(hour))
    const over = await load('over')
    expect(manager.token(over)).toBe('')
    expect(manager.keys(over)).toEqual([])
    expect(manager.get(await load('live'), 'name')).toBe('Grace')
    expect(heard).toEqual([])
  })

  test('each load has a session of its own', async () => {
    const { manager, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada' })
    const [first, second] = [await load(token), await load(token)]
    manager.put(first, 'name', 'Grace')
    expect(manager.get(second, 'name')).toBe('Ada')
    expect(manager.status(second)).toBe('unmodified')
  })
})

// data_test.go TestSessionManager_Commit
describe('commit', () => {
  // "happy path"
  test('writes the session, and tells its token and expiry', async () => {
    const { store, manager, load } = make(new PlainStore(), { idleTimeout: 24 * hour })
    const deadline = inTime(hour)
    seed(store, 'example', { name: 'Ada' }, deadline)
    const ctx = await load('example')
    manager.put(ctx, 'name', 'Grace')
    expect(await manager.commit(ctx)).toEqual({
      token: 'example',
      storeToken: 'example',
      expiry: deadline,
    })
    expect(stored(store, 'example')).toEqual({ name: 'Grace' })
    expect(store.calls).toEqual(['find example', 'commit example'])
  })

  // "with empty token"
  test('makes a token for a session that has none', async () => {
    const { store, manager, load } = make(new PlainStore())
    const ctx = await load()
    manager.put(ctx, 'name', 'Ada')
    expect(manager.token(ctx)).toBe('')
    const committed = await manager.commit(ctx)
    expect(committed?.token).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(manager.token(ctx)).toBe(committed?.token)
    expect(stored(store, manager.token(ctx))).toEqual({ name: 'Ada' })
  })

  // "with expired deadline"
  test('the expiry is the earlier one of the deadline and the idle timeout', async () => {
    const { store, manager, load } = make(new WholeStore(), { idleTimeout: 20 * minute })
    const ctx = await load()
    manager.put(ctx, 'name', 'Ada')
    const committed = await manager.commit(ctx)
    expect(committed?.expiry).toEqual(inTime(20 * minute))
    expect(manager.deadline(ctx)).toEqual(inTime(24 * hour))
    expect(store.memory.findWithExpiry(ctx, manager.token(ctx))?.expiry).toEqual(committed?.expiry)
    manager.setDeadline(ctx, inTime(5 * minute))
    expect((await manager.commit(ctx))?.expiry).toEqual(inTime(5 * minute))
  })

  // "error in store commit"
  test("passes the store's error through; the next try has the same token", async () => {
    const { store, manager, load } = make(new PlainStore())
    const ctx = await load()
    manager.put(ctx, 'name', 'Ada')
    store.before = failing('commit', down)
    await expect(manager.commit(ctx)).rejects.toBe(down)
    const token = manager.token(ctx)
    expect(token).not.toBe('')
    expect(manager.status(ctx)).toBe('modified')
    store.before = () => Promise.reject(down)
    await expect(manager.commit(ctx)).rejects.toBe(down)
    store.before = () => undefined
    expect((await manager.commit(ctx))?.token).toBe(token)
    expect(tokensOf(store)).toEqual([token])
  })

  // "with token hashing"
  test('with hashed tokens, tells the one for the cookie', async () => {
    const { store, manager, load } = make(new PlainStore(), { hashTokenInStore: true })
    const ctx = await load()
    const committed = await manager.commit(ctx)
    expect(committed?.token).toBe(manager.token(ctx))
    expect(tokensOf(store)).not.toContain(committed?.token)
  })

  test('can be repeated, and does not change the status, as SCS', async () => {
    const { store, manager, load } = make(new PlainStore())
    const ctx = await load()
    manager.put(ctx, 'count', 1)
    const first = await manager.commit(ctx)
    expect(manager.status(ctx)).toBe('modified')
    manager.put(ctx, 'count', 2)
    expect((await manager.commit(ctx))?.token).toBe(first?.token)
    expect(stored(store, first?.token ?? '')).toEqual({ count: 2 })
    expect(tokensOf(store)).toHaveLength(1)
  })

  test('writes an unmodified session too, as SCS', async () => {
    const { store, manager, load } = make(new PlainStore())
    const ctx = await load()
    const committed = await manager.commit(ctx)
    expect(manager.status(ctx)).toBe('unmodified')
    expect(tokensOf(store)).toEqual([committed?.token])
  })

  test('what it tells is the caller’s: changing it changes nothing', async () => {
    const { manager, load } = make(new PlainStore())
    const ctx = await load()
    const committed = await manager.commit(ctx)
    committed?.expiry.setTime(0)
    expect(manager.deadline(ctx)).toEqual(inTime(24 * hour))
  })

  test.each([
    ['a function', () => 'secret'],
    ['a symbol', Symbol('secret')],
    ['a promise', Promise.resolve('secret')],
    ['a class instance', new PlainStore()],
  ])(
    '%s among the values is a TypeError that names the key; the stored session stays as it was',
    async (_what, value) => {
      const { store, manager, load, begin } = make(new PlainStore())
      const token = await begin({ name: 'Ada' })
      const ctx = await load(token)
      manager.put(ctx, 'name', 'Grace')
      manager.put(ctx, 'shopping cart', value)
      const error = await manager.commit(ctx).catch((error: unknown) => error)
      expect(error).toBeInstanceOf(TypeError)
      expect(String(error)).toContain('shopping cart')
      expect(String(error)).not.toContain('secret')
      expect(store.calls).toEqual([`find ${token}`])
      expect(stored(store, token)).toEqual({ name: 'Ada' })
      manager.remove(ctx, 'shopping cart')
      expect(await manager.commit(ctx)).toMatchObject({ token })
      expect(stored(store, token)).toEqual({ name: 'Grace' })
    },
  )

  test('a circular reference among the values is one too', async () => {
    const { manager, load } = make(new PlainStore())
    const ctx = await load()
    const circle: Record<string, unknown> = {}
    circle.self = circle
    manager.put(ctx, 'circle', circle)
    await expect(manager.commit(ctx)).rejects.toThrow(TypeError)
    await expect(manager.commit(ctx)).rejects.toThrow(/is a circular reference/)
  })

  test('a codec of one’s own is asked for everything', async () => {
    const own: Codec = {
      encode: (deadline, values) => Buffer.from(`${deadline.getTime()} ${values.get('name')}`),
      decode: (data) => {
        const [time, name] = Buffer.from(data).toString().split(' ')
        return { deadline: new Date(Number(time)), values: new Map([['name', name]]) }
      },
    }
    const { store, manager, load, begin } = make(new PlainStore(), { codec: own })
    const token = await begin({ name: 'Ada' })
    expect(Buffer.from(store.memory.find(token) ?? []).toString()).toBe(`${now + 24 * hour} Ada`)
    const ctx = await load(token)
    expect(manager.get(ctx, 'name')).toBe('Ada')
    expect(manager.deadline(ctx)).toEqual(inTime(24 * hour))
  })
})

describe('commitAndWriteSessionCookie', () => {
  test('commits a modified session, and adds its cookie', async () => {
    const { store, manager, load } = make(new WholeStore())
    const ctx = await load()
    manager.put(ctx, 'name', 'Ada')
    const headers = new Headers({ 'Set-Cookie': 'theirs=1' })
    const committed = await manager.commitAndWriteSessionCookie(ctx, headers)
    const token = manager.token(ctx)
    expect(committed).toEqual({ token, storeToken: token, expiry: inTime(24 * hour) })
    expect(stored(store, token)).toEqual({ name: 'Ada' })
    expect(headers.getSetCookie()).toEqual([
      'theirs=1',
      expect.stringMatching(new RegExp(`^session=${token}; `)),
    ])
    expect(headers.get('Cache-Control')).toBe('no-cache="Set-Cookie"')
  })

  test('adds the cookie that deletes, once the session is destroyed', async () => {
    const { store, manager, load } = make(new WholeStore())
    seed(store, 'a')
    const ctx = await load('a')
    await manager.destroy(ctx)
    const headers = new Headers()
    await manager.commitAndWriteSessionCookie(ctx, headers)
    expect(headers.getSetCookie()).toEqual([expect.stringMatching(/^session=; .*Max-Age=0/)])
  })

  test('does nothing for a session that is unmodified', async () => {
    const { store, manager, load } = make(new WholeStore())
    seed(store, 'a')
    const headers = new Headers()
    expect(await manager.commitAndWriteSessionCookie(await load('a'), headers)).toBe(undefined)
    expect([...headers]).toEqual([])
    expect(store.calls).toEqual(['find a'])
  })

  test('adds no cookie for a session that it finds revoked', async () => {
    const { store, manager, heard, load } = make(new WholeStore())
    seed(store, 'a')
    const ctx = await load('a')
    manager.put(ctx, 'name', 'Grace')
    store.memory.delete('a')
    const headers = new Headers()
    await manager.commitAndWriteSessionCookie(ctx, headers)
    expect(manager.status(ctx)).toBe('revoked')
    expect([...headers]).toEqual([])
    expect(heard).toEqual([code('ERR_SESSION_REVOKED')])
  })

  test('makes a change throw of which the client could not learn', async () => {
    const { manager, load } = make(new WholeStore())
    const ctx = await load()
    await manager.commitAndWriteSessionCookie(ctx, new Headers())
    expect(() => manager.put(ctx, 'name', 'Ada')).toThrow(code('ERR_SESSION_HEADERS_SENT'))
  })

  test('called again, commits what was changed since, and that alone', async () => {
    const { store, manager, load } = make(new WholeStore())
    seed(store, 'a')
    const ctx = await load('a')
    await manager.commitAndWriteSessionCookie(ctx, new Headers())
    manager.put(ctx, 'name', 'Grace')
    const headers = new Headers()
    await manager.commitAndWriteSessionCookie(ctx, headers)
    expect(stored(store, 'a')).toEqual({ name: 'Grace' })
    expect([...headers]).toEqual([])
    await manager.commitAndWriteSessionCookie(ctx, headers)
    expect(store.calls).toEqual(['find a', 'swap a'])
  })

  test('rejects when the commit does', async () => {
    const { store, manager, load } = make(new WholeStore())
    const ctx = await load()
    manager.put(ctx, 'name', 'Ada')
    store.before = failing('swap', down)
    const headers = new Headers()
    await expect(manager.commitAndWriteSessionCookie(ctx, headers)).rejects.toBe(down)
    expect([...headers]).toEqual([])
  })

  test('called again after the commit of a new session failed, commits it under another token and adds the cookie', async () => {
    const { store, manager, load } = make(new WholeStore())
    const ctx = await load()
    manager.put(ctx, 'name', 'Ada')
    store.before = failing('swap', down)
    const headers = new Headers()
    await expect(manager.commitAndWriteSessionCookie(ctx, headers)).rejects.toBe(down)
    const givenUp = manager.token(ctx)
    store.before = () => {}
    const committed = await manager.commitAndWriteSessionCookie(ctx, headers)
    expect(committed?.token).not.toBe(givenUp)
    expect(headers.getSetCookie()).toEqual([
      expect.stringMatching(new RegExp(`^session=${committed?.token}; `)),
    ])
    expect(tokensOf(store)).toEqual([committed?.token])
    await expect(manager.renewToken(ctx)).rejects.toThrow(code('ERR_SESSION_HEADERS_SENT'))
  })

  test('called again after the commit of a stored session failed, rejects with ERR_SESSION_IN_DOUBT and adds no cookie', async () => {
    const { store, manager, load } = make(new WholeStore())
    seed(store, 'a')
    const ctx = await load('a')
    await manager.renewToken(ctx)
    store.before = failing('swap', down)
    const headers = new Headers()
    await expect(manager.commitAndWriteSessionCookie(ctx, headers)).rejects.toBe(down)
    store.before = () => {}
    for (let n = 0; n < 2; n++) {
      await expect(manager.commitAndWriteSessionCookie(ctx, headers)).rejects.toEqual(
        code('ERR_SESSION_IN_DOUBT'),
      )
    }
    expect([...headers]).toEqual([])
    expect(tokensOf(store)).toEqual(['a'])
  })
})

describe('values', () => {
  const { manager, load } = make(new PlainStore())
  let ctx: Context

  beforeEach(async () => {
    ctx = await load()
  })

  test('put and update refuse the key __write, which the manager uses; pop and remove leave it', () => {
    const key = '__write'
    const refusal = new TypeError(`the key ${key} is reserved for the session manager: use another`)
    expect(() => manager.put(ctx, key, 1)).toThrow(refusal)
    expect(() => manager.update(ctx, key, () => 1)).toThrow(refusal)
    expect(manager.pop(ctx, key)).toBeUndefined()
    manager.remove(ctx, key)
    expect(manager.status(ctx)).toBe('unmodified')
  })

  // data_test.go TestPut
  test('put sets a value, also over another, and modifies the session', () => {
    manager.put(ctx, 'name', 'Ada')
    expect(manager.get(ctx, 'name')).toBe('Ada')
    manager.put(ctx, 'name', 'Grace')
    expect(manager.get(ctx, 'name')).toBe('Grace')
    expect(manager.status(ctx)).toBe('modified')
  })

  test('put of what is there already modifies it too', async () => {
    const { manager, load, begin } = make(new PlainStore())
    const again = await load(await begin({ name: 'Ada' }))
    manager.put(again, 'name', 'Ada')
    expect(manager.status(again)).toBe('modified')
  })

  test.each([undefined, null, 5, Symbol('key'), {}])(
    'put under the key %o is a TypeError',
    (key) => {
      expect(() => manager.put(ctx, key as never, 1)).toThrow(
        new TypeError(`a session key must be a string; it is of type ${typeof key}`),
      )
      expect(manager.status(ctx)).toBe('unmodified')
    },
  )

  // data_test.go TestGet
  test('get gives the value, by reference, or undefined', () => {
    const value = { name: 'Ada' }
    manager.put(ctx, 'user', value)
    expect(manager.get(ctx, 'user')).toBe(value)
    expect(manager.get(ctx, 'missing')).toBeUndefined()
  })

  test('get knows no key by itself, whatever its name', () => {
    for (const key of ['__proto__', 'constructor', 'toString', 'size', '']) {
      expect(manager.get(ctx, key)).toBeUndefined()
      manager.put(ctx, key, key)
      expect(manager.get(ctx, key)).toBe(key)
    }
  })

  test('what is changed inside a value is written when something else is put, not by itself', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const token = await begin({ cart: ['apple'] })
    const again = await load(token)
    const cart = manager.get(again, 'cart') as string[]
    cart.push('pear')
    expect(manager.status(again)).toBe('unmodified')
    manager.put(again, 'other', 1)
    await manager.commit(again)
    expect(stored(store, token)).toEqual({ cart: ['apple', 'pear'], other: 1 })
  })

  // data_test.go TestPop
  test('pop gives the value and removes it, which modifies the session', async () => {
    const { manager, load, begin } = make(new PlainStore())
    const again = await load(await begin({ name: 'Ada' }))
    expect(manager.pop(again, 'name')).toBe('Ada')
    expect(manager.exists(again, 'name')).toBe(false)
    expect(manager.status(again)).toBe('modified')
    expect(manager.pop(again, 'name')).toBeUndefined()
  })

  // data_test.go TestRemove
  test('remove removes the value, which modifies the session', async () => {
    const { manager, load, begin } = make(new PlainStore())
    const again = await load(await begin({ name: 'Ada', other: 1 }))
    manager.remove(again, 'name')
    expect(manager.keys(again)).toEqual(['other'])
    expect(manager.status(again)).toBe('modified')
  })

  test('pop, remove and clear of nothing leave the session unmodified', () => {
    expect(manager.pop(ctx, 'missing')).toBeUndefined()
    manager.remove(ctx, 'missing')
    manager.clear(ctx)
    expect(manager.status(ctx)).toBe('unmodified')
  })

  test('a value that is undefined or null is there', () => {
    manager.put(ctx, 'undefined', undefined)
    manager.put(ctx, 'null', null)
    expect(manager.exists(ctx, 'undefined')).toBe(true)
    expect(manager.exists(ctx, 'null')).toBe(true)
    expect(manager.get(ctx, 'null')).toBeNull()
    expect(manager.pop(ctx, 'undefined')).toBeUndefined()
    expect(manager.keys(ctx)).toEqual(['null'])
  })

  // data_test.go TestClear
  test('clear removes all values, and keeps the token and the deadline', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada', other: 1 })
    const again = await load(token)
    const deadline = manager.deadline(again)
    vi.setSystemTime(now + hour)
    manager.clear(again)
    expect(manager.keys(again)).toEqual([])
    expect(manager.status(again)).toBe('modified')
    expect(manager.token(again)).toBe(token)
    expect(manager.deadline(again)).toEqual(deadline)
    await manager.commit(again)
    expect(stored(store, token)).toEqual({})
  })

  // data_test.go TestExists
  test('exists tells whether a key is there', () => {
    expect(manager.exists(ctx, 'name')).toBe(false)
    manager.put(ctx, 'name', '')
    expect(manager.exists(ctx, 'name')).toBe(true)
  })

  // data_test.go TestKeys
  test('keys are sorted; none is an empty array', () => {
    expect(manager.keys(ctx)).toEqual([])
    for (const key of ['woo', 'foo', 'Foo', 'fo', '']) manager.put(ctx, key, 1)
    expect(manager.keys(ctx)).toEqual(['', 'Foo', 'fo', 'foo', 'woo'])
  })

  test('keys are sorted by their UTF-8 bytes, as Go does, not by UTF-16 units', () => {
    const keys = ['z', 'é', '\uffee', '🍪']
    for (const key of keys.toReversed()) manager.put(ctx, key, 1)
    expect(manager.keys(ctx)).toEqual(keys)
    expect(keys.toSorted()).not.toEqual(keys)
  })

  // data_test.go TestStatus
  test('status goes from unmodified to modified to destroyed', async () => {
    expect(manager.status(ctx)).toBe('unmodified')
    manager.put(ctx, 'name', 'Ada')
    expect(manager.status(ctx)).toBe('modified')
    await manager.destroy(ctx)
    expect(manager.status(ctx)).toBe('destroyed')
  })
})

describe('a session of which one value is damaged in the store', () => {
  const damaged = (options: SessionManagerOptions = {}) => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    const text = `{"deadline":"${inTime(hour).toISOString()}","values":{"n":1,\n"cart":[secret],\n"list":[1]\n}}`
    store.commit('damaged', Buffer.from(text), inTime(hour))
    const errors: unknown[] = []
    const onError = (error: unknown) => errors.push(error)
    const manager = new SessionManager<Record<string, unknown>>({ store, onError, ...options })
    const stored = () => Buffer.from(store.find('damaged') ?? []).toString()
    return { store, stored, manager, errors, text }
  }

  test('is unreadable when it is loaded: the request has a new session, and the row stays', async () => {
    const { stored, manager, errors, text } = damaged()
    const ctx = await manager.load(background(), 'damaged')
    expect(errors).toEqual([code('ERR_SESSION_UNREADABLE')])
    expect(String(errors[0])).not.toMatch(/secret|cart/)
    expect(manager.keys(ctx)).toEqual([])
    manager.put(ctx, 'n', 2)
    expect((await manager.commit(ctx))?.token).not.toBe('damaged')
    expect(stored()).toBe(text)
  })

  test("fails the load with unreadable: 'fail'", async () => {
    const { stored, manager, text } = damaged({ unreadable: 'fail' })
    const load = manager.load(background(), 'damaged')
    await expect(load).rejects.toEqual(code('ERR_SESSION_UNREADABLE'))
    expect(stored()).toBe(text)
  })

  test('is skipped by iterate and by mergeSession, and onError receives the error', async () => {
    const { store, stored, manager, errors, text } = damaged()
    const other = manager.codec.encode(inTime(hour), new Map([['cart', [2]]]))
    store.commit('other', other, inTime(hour))
    const carts: unknown[] = []
    await manager.iterate(background(), (ctx) => carts.push(manager.get(ctx, 'cart')))
    expect(carts).toEqual([[2]])
    const ctx = await manager.load(background(), 'other')
    const before = manager.deadline(ctx)
    await manager.mergeSession(ctx, 'damaged')
    expect(manager.status(ctx)).toBe('unmodified')
    expect(manager.deadline(ctx)).toEqual(before)
    expect(errors).toHaveLength(2)
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'ERR_SESSION_UNREADABLE' })
      expect(String(error)).not.toMatch(/secret|cart/)
    }
    expect(stored()).toBe(text)
  })
})

describe('rememberMe', () => {
  const name = '__rememberMe'

  test('is kept among the values, under the name that SCS uses', async () => {
    const { store, manager, load } = make(new PlainStore())
    const ctx = await load()
    manager.rememberMe(ctx, true)
    expect(manager.status(ctx)).toBe('modified')
    const committed = await manager.commit(ctx)
    expect(stored(store, committed?.token ?? '')).toEqual({ [name]: true })
  })

  test('is not among the keys, but there by its name', async () => {
    const { manager, load } = make(new PlainStore())
    const ctx = await load()
    manager.rememberMe(ctx, false)
    expect(manager.keys(ctx)).toEqual([])
    expect(manager.exists(ctx, name)).toBe(true)
    expect(manager.get(ctx, name)).toBe(false)
    manager.put(ctx, name, true)
    expect(manager.pop(ctx, name)).toBe(true)
    expect(manager.exists(ctx, name)).toBe(false)
  })

  test('survives clear, which is no change when there is nothing else', async () => {
    const { manager, load, begin } = make(new PlainStore())
    const ctx = await load(await begin({ [name]: true }))
    manager.clear(ctx)
    expect(manager.status(ctx)).toBe('unmodified')
    manager.put(ctx, 'name', 'Ada')
    manager.clear(ctx)
    expect(manager.keys(ctx)).toEqual([])
    expect(manager.get(ctx, name)).toBe(true)
  })

  test('does not survive destroy', async () => {
    const { manager, load } = make(new PlainStore())
    const ctx = await load()
    manager.rememberMe(ctx, true)
    await manager.destroy(ctx)
    expect(manager.exists(ctx, name)).toBe(false)
  })

  test.each([
    [false, undefined, false],
    [false, false, false],
    [false, true, true],
    [false, 'true', false],
    [false, 1, false],
    [true, undefined, true],
    [true, false, true],
    [true, true, true],
  ])(
    'cookie.persist %o and rememberMe %o: the cookie lasts: %o',
    async (persist, remember, lasts) => {
      const { manager, load } = make(new PlainStore(), { cookie: { persist } })
      const ctx = await load()
      if (remember !== undefined) manager.put(ctx, name, remember)
      const headers = new Headers()
      manager.writeSessionCookie(ctx, headers, 'token', inTime(hour))
      const line = headers.getSetCookie()[0]
      expect(line?.includes('Max-Age=3600')).toBe(lasts)
      expect(line?.includes('Expires=')).toBe(lasts)
    },
  )
})

describe('the deadline', () => {
  test('is lifetime from when the session began, not from its commit', async () => {
    const { manager, load } = make(new PlainStore(), { lifetime: hour })
    const ctx = await load()
    vi.setSystemTime(now + 10 * minute)
    const committed = await manager.commit(ctx)
    expect(committed?.expiry.getTime()).toBe(now + hour)
    expect(manager.deadline(ctx).getTime()).toBe(now + hour)
  })

  test('can be moved both ways, which modifies the session', async () => {
    const { manager, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada' })
    for (const deadline of [
      inTime(48 * hour),
      inTime(minute),
      new Date('9999-12-31T23:59:59.999Z'),
    ]) {
      const ctx = await load(token)
      manager.setDeadline(ctx, deadline)
      expect(manager.status(ctx)).toBe('modified')
      expect(manager.deadline(ctx)).toEqual(deadline)
      expect((await manager.commit(ctx))?.expiry).toEqual(deadline)
      expect(manager.deadline(await load(token))).toEqual(deadline)
    }
  })

  test('in the past ends the session', async () => {
    const { manager, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada' })
    const ctx = await load(token)
    manager.setDeadline(ctx, inTime(-1))
    await manager.commit(ctx)
    expect(manager.token(await load(token))).toBe('')
  })

  test('is copied on its way in and out', async () => {
    const { manager, load } = make(new PlainStore())
    const ctx = await load()
    const deadline = inTime(hour)
    manager.setDeadline(ctx, deadline)
    deadline.setTime(0)
    manager.deadline(ctx).setTime(0)
    expect(manager.deadline(ctx)).toEqual(inTime(hour))
  })

  test.each([
    ['an invalid Date', new Date(Number.NaN)],
    ['one past the year 9999', new Date('+010000-01-01T00:00:00Z')],
    ['a number', now],
    ['a string', '2026-12-01T10:00:00Z'],
    ['nothing', undefined],
  ])('%s is a TypeError, and changes nothing', async (_what, deadline) => {
    const { manager, load } = make(new PlainStore())
    const ctx = await load()
    expect(() => manager.setDeadline(ctx, deadline as Date)).toThrow(
      new TypeError('the deadline must be a valid Date in the year 9999 at the latest'),
    )
    expect(manager.status(ctx)).toBe('unmodified')
    expect(manager.deadline(ctx)).toEqual(inTime(24 * hour))
  })
})

describe('destroy', () => {
  test('deletes the row at once, and empties the session', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada' })
    const ctx = await load(token)
    vi.setSystemTime(now + hour)
    await manager.destroy(ctx)
    expect(tokensOf(store)).toEqual([])
    expect(manager.status(ctx)).toBe('destroyed')
    expect(manager.token(ctx)).toBe('')
    expect(manager.keys(ctx)).toEqual([])
    expect(manager.deadline(ctx)).toEqual(inTime(24 * hour))
  })

  test('reading, and removing nothing, leave it destroyed', async () => {
    const { manager, load, begin } = make(new PlainStore())
    const ctx = await load(await begin({ name: 'Ada' }))
    await manager.destroy(ctx)
    expect(manager.get(ctx, 'name')).toBeUndefined()
    manager.pop(ctx, 'name')
    manager.remove(ctx, 'name')
    manager.clear(ctx)
    expect(manager.status(ctx)).toBe('destroyed')
  })

  test('what is put afterwards begins another session', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada' })
    const ctx = await load(token)
    await manager.destroy(ctx)
    manager.put(ctx, 'flash', 'You are signed out.')
    expect(manager.status(ctx)).toBe('modified')
    const committed = await manager.commit(ctx)
    expect(committed?.token).not.toBe(token)
    expect(tokensOf(store)).toEqual([committed?.token])
    expect(stored(store, committed?.token ?? '')).toEqual({ flash: 'You are signed out.' })
  })

  test('after a put it is destroyed, and nothing of it remains', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const ctx = await load(await begin({ name: 'Ada' }))
    manager.put(ctx, 'name', 'Grace')
    await manager.destroy(ctx)
    expect(manager.status(ctx)).toBe('destroyed')
    expect(tokensOf(store)).toEqual([])
  })

  test('of a session that was never committed makes no store call', async () => {
    const { store, manager, load } = make(new PlainStore(), { hashTokenInStore: true })
    const ctx = await load()
    manager.put(ctx, 'name', 'Ada')
    await manager.destroy(ctx)
    await manager.destroy(ctx)
    expect(store.calls).toEqual([])
    expect(manager.status(ctx)).toBe('destroyed')
  })

  test('of one that was only renewed makes none either', async () => {
    const { store, manager, load } = make(new PlainStore())
    const ctx = await load()
    await manager.renewToken(ctx)
    await manager.destroy(ctx)
    expect(store.calls).toEqual([])
    expect(manager.token(ctx)).toBe('')
  })

  test('twice deletes once, whatever rows there were', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const renewed = await load(await begin({ name: 'Ada' }))
    await manager.renewToken(renewed)
    store.memory.commit('broken', Buffer.from('not JSON'), inTime(hour))
    for (const ctx of [renewed, await load('broken')]) {
      await manager.destroy(ctx)
      store.calls.length = 0
      await manager.destroy(ctx)
      manager.put(ctx, 'name', 'Grace')
      const committed = await manager.commit(ctx)
      expect(store.calls).toEqual([`commit ${committed?.token}`])
    }
  })

  test('of a session that was due to be touched: a commit writes a new one, as SCS', async () => {
    const { store, manager, load, begin } = make(new WholeStore(), {
      idleTimeout: hour,
      touchInterval: 0,
    })
    const ctx = await load(await begin({ name: 'Ada' }))
    await manager.destroy(ctx)
    const committed = await manager.commit(ctx)
    expect(tokensOf(store)).toEqual([committed?.token])
    expect(manager.status(ctx)).toBe('destroyed')
  })

  test('when the store fails, its error comes through and the session is as it was', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada' })
    const ctx = await load(token)
    store.before = failing('delete', down)
    await expect(manager.destroy(ctx)).rejects.toBe(down)
    expect(manager.status(ctx)).toBe('unmodified')
    expect(manager.token(ctx)).toBe(token)
    expect(manager.get(ctx, 'name')).toBe('Ada')
    store.before = () => undefined
    await manager.destroy(ctx)
    expect(tokensOf(store)).toEqual([])
  })

  test('after a commit that failed, deletes the row that may be there all the same', async () => {
    const { store, manager, load } = make(new PlainStore())
    const ctx = await load()
    manager.put(ctx, 'name', 'Ada')
    store.before = failing('commit', down)
    await expect(manager.commit(ctx)).rejects.toBe(down)
    const token = manager.token(ctx)
    store.before = () => undefined
    await manager.destroy(ctx)
    expect(store.calls).toContain(`delete ${token}`)
  })

  test('deletes every row of a session that was renewed', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada' })
    const ctx = await load(token)
    await manager.renewToken(ctx)
    await manager.destroy(ctx)
    expect(store.calls).toEqual([`find ${token}`, `delete ${token}`])
    expect(tokensOf(store)).toEqual([])
  })

  test('after a renewal that could not drop the old row, deletes both', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada' })
    const ctx = await load(token)
    await manager.renewToken(ctx)
    store.before = failing('delete', down)
    await expect(manager.commit(ctx)).rejects.toBe(down)
    expect(tokensOf(store)).toHaveLength(2)
    store.before = () => undefined
    await manager.destroy(ctx)
    expect(tokensOf(store)).toEqual([])
  })
})

describe('renewToken', () => {
  test('gives a new token and a new deadline at once, and keeps the values', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada', __rememberMe: true })
    const ctx = await load(token)
    vi.setSystemTime(now + hour)
    await manager.renewToken(ctx)
    expect(manager.token(ctx)).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(manager.token(ctx)).not.toBe(token)
    expect(manager.status(ctx)).toBe('modified')
    expect(manager.deadline(ctx)).toEqual(inTime(24 * hour))
    expect(manager.get(ctx, 'name')).toBe('Ada')
    expect(manager.get(ctx, '__rememberMe')).toBe(true)
    expect(tokensOf(store)).toEqual([token])
  })

  test('the old row goes when the new one is in', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada' })
    const ctx = await load(token)
    await manager.renewToken(ctx)
    const committed = await manager.commit(ctx)
    expect(store.calls).toEqual([`find ${token}`, `commit ${committed?.token}`, `delete ${token}`])
    expect(tokensOf(store)).toEqual([committed?.token])
    expect(manager.token(await load(token))).toBe('')
    store.calls.length = 0
    await manager.commit(ctx)
    expect(store.calls).toEqual([`commit ${committed?.token}`])
  })

  test('of a session that was never committed deletes nothing', async () => {
    const { store, manager, load } = make(new PlainStore())
    const ctx = await load()
    await manager.renewToken(ctx)
    await manager.renewToken(ctx)
    const committed = await manager.commit(ctx)
    expect(store.calls).toEqual([`commit ${committed?.token}`])
  })

  test('twice in one request: the token in between never was', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada' })
    const ctx = await load(token)
    await manager.renewToken(ctx)
    await manager.renewToken(ctx)
    const committed = await manager.commit(ctx)
    expect(store.calls.slice(1)).toEqual([`commit ${committed?.token}`, `delete ${token}`])
  })

  test('twice with a commit in between: each row goes in its turn', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const ctx = await load(await begin({ name: 'Ada' }))
    await manager.renewToken(ctx)
    await manager.commit(ctx)
    await manager.renewToken(ctx)
    const committed = await manager.commit(ctx)
    expect(tokensOf(store)).toEqual([committed?.token])
  })

  test('when the new row cannot be written, the old one stays', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada' })
    const ctx = await load(token)
    await manager.renewToken(ctx)
    store.before = failing('commit', down)
    await expect(manager.commit(ctx)).rejects.toBe(down)
    expect(tokensOf(store)).toEqual([token])
    expect(stored(store, token)).toEqual({ name: 'Ada' })
  })

  test.each([
    ['throws', (call: string, token: string) => failing(`delete ${token}`, down)(call)],
    [
      'rejects',
      (call: string, token: string) =>
        call === `delete ${token}` ? Promise.reject(down) : Promise.resolve(),
    ],
  ])(
    'when the old row cannot be deleted (the store %s), the new one goes and the commit has failed',
    async (_how, before) => {
      const { store, manager, heard, load, begin } = make(new PlainStore())
      const token = await begin({ name: 'Ada' })
      const ctx = await load(token)
      await manager.renewToken(ctx)
      store.before = (call) => before(call, token)
      await expect(manager.commit(ctx)).rejects.toBe(down)
      const renewed = manager.token(ctx)
      expect(store.calls.slice(1)).toEqual([
        `commit ${renewed}`,
        `delete ${token}`,
        `delete ${renewed}`,
      ])
      expect(tokensOf(store)).toEqual([token])
      expect(heard).toEqual([])
      store.before = () => undefined
      expect((await manager.commit(ctx))?.token).toBe(renewed)
      expect(tokensOf(store)).toEqual([renewed])
    },
  )

  test('when the new row cannot go either, onError hears of that, the caller of the first error', async () => {
    const { store, manager, heard, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada' })
    const ctx = await load(token)
    await manager.renewToken(ctx)
    const second = new Error('still down')
    store.before = (call) => {
      if (call === `delete ${token}`) throw down
      if (call.startsWith('delete')) throw second
    }
    await expect(manager.commit(ctx)).rejects.toBe(down)
    expect(heard).toEqual([second])
  })
})

describe('mergeSession', () => {
  test('takes the other session in: its values win, and its row goes', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const other = await begin({ cart: ['apple'], name: 'theirs' })
    const own = await begin({ name: 'own', theme: 'dark' })
    const ctx = await load(own)
    await manager.mergeSession(ctx, other)
    expect(manager.status(ctx)).toBe('modified')
    expect(manager.token(ctx)).toBe(own)
    expect(tokensOf(store)).toEqual([own])
    await manager.commit(ctx)
    expect(stored(store, own)).toEqual({ cart: ['apple'], name: 'theirs', theme: 'dark' })
  })

  test.each([
    ['later', 48 * hour],
    ['earlier', minute],
  ])('of the two deadlines the later one stays: the other is %s', async (_which, offset) => {
    const { store, manager, load } = make(new PlainStore())
    seed(store, 'other', {}, inTime(offset))
    const ctx = await load()
    await manager.mergeSession(ctx, 'other')
    expect(manager.deadline(ctx)).toEqual(inTime(Math.max(offset, 24 * hour)))
  })

  test('what rememberMe was told comes along, as in SCS', async () => {
    const { manager, load, begin } = make(new PlainStore())
    const other = await begin({ __rememberMe: true })
    const ctx = await load()
    await manager.mergeSession(ctx, other)
    expect(manager.get(ctx, '__rememberMe')).toBe(true)
  })

  test.each([undefined, '', 'unknown', 'x'.repeat(44), 'a\0b'])(
    'the token %j, which has no session, changes nothing',
    async (token) => {
      const { store, manager, load, begin } = make(new PlainStore())
      const own = await begin({ name: 'Ada' })
      const ctx = await load(own)
      store.calls.length = 0
      await manager.mergeSession(ctx, token)
      expect(manager.status(ctx)).toBe('unmodified')
      expect(manager.keys(ctx)).toEqual(['name'])
      expect(store.calls).toEqual(token === 'unknown' ? ['find unknown'] : [])
      expect(tokensOf(store)).toEqual([own])
    },
  )

  test.each([false, true])('with itself changes nothing (hashed: %o)', async (hashTokenInStore) => {
    const { store, manager, load, begin } = make(new PlainStore(), { hashTokenInStore })
    const own = await begin({ name: 'Ada' })
    const ctx = await load(own)
    manager.put(ctx, 'name', 'Grace')
    await manager.mergeSession(ctx, own)
    expect(manager.get(ctx, 'name')).toBe('Grace')
    expect(tokensOf(store)).toHaveLength(1)
  })

  test('with what it was before a renewal changes nothing either', async () => {
    const { manager, load, begin } = make(new PlainStore())
    const own = await begin({ name: 'Ada' })
    const ctx = await load(own)
    await manager.renewToken(ctx)
    manager.put(ctx, 'name', 'Grace')
    await manager.mergeSession(ctx, own)
    expect(manager.get(ctx, 'name')).toBe('Grace')
  })

  test('a session past its deadline is not taken in', async () => {
    const { store, manager, load } = make(new PlainStore())
    seed(store, 'over', { name: 'Ada' }, inTime(-1), inTime(hour))
    const ctx = await load()
    await manager.mergeSession(ctx, 'over')
    expect(manager.status(ctx)).toBe('unmodified')
  })

  test('when the store cannot find, its error comes through and nothing has changed', async () => {
    const { store, manager, load } = make(new PlainStore())
    const ctx = await load()
    store.before = failing('find', down)
    await expect(manager.mergeSession(ctx, 'other')).rejects.toBe(down)
    expect(manager.status(ctx)).toBe('unmodified')
  })

  test('when the other row cannot be deleted, its error comes through; the values are in both, as in SCS', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const other = await begin({ cart: ['apple'] })
    const ctx = await load()
    store.before = failing('delete', down)
    await expect(manager.mergeSession(ctx, other)).rejects.toBe(down)
    expect(manager.get(ctx, 'cart')).toEqual(['apple'])
    expect(tokensOf(store)).toEqual([other])
  })

  test("what cannot be decoded is not taken in: onError hears of it, or with 'fail' the caller", async () => {
    const fresh = make(new PlainStore())
    fresh.store.memory.commit('broken', Buffer.from('not JSON'), inTime(hour))
    const ctx = await fresh.load()
    await fresh.manager.mergeSession(ctx, 'broken')
    expect(fresh.heard).toEqual([code('ERR_SESSION_UNREADABLE')])
    expect(fresh.manager.status(ctx)).toBe('unmodified')
    expect(tokensOf(fresh.store)).toEqual(['broken'])

    const strict = make(fresh.store, { unreadable: 'fail' })
    const strictCtx = await strict.load()
    await expect(strict.manager.mergeSession(strictCtx, 'broken')).rejects.toEqual(
      code('ERR_SESSION_UNREADABLE'),
    )
  })

  test('into a destroyed session begins another', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const other = await begin({ cart: ['apple'] })
    const ctx = await load(await begin({ name: 'Ada' }))
    await manager.destroy(ctx)
    await manager.mergeSession(ctx, other)
    expect(manager.status(ctx)).toBe('modified')
    const committed = await manager.commit(ctx)
    expect(tokensOf(store)).toEqual([committed?.token])
    expect(stored(store, committed?.token ?? '')).toEqual({ cart: ['apple'] })
  })
})

describe('iterate', () => {
  const namesOf = async ({ manager }: ReturnType<typeof make>, ctx: Context = background()) => {
    const names: unknown[] = []
    await manager.iterate(ctx, (ctx) => names.push(manager.get(ctx, 'name')))
    return names.sort()
  }

  // session_test.go TestIterate
  test.each([
    ['all', () => new IterableStore()],
    ['scan', () => new WholeStore()],
  ])('calls for each live session, on a store that can %s', async (method, store) => {
    const made = make<PlainStore>(store())
    for (const name of ['Ada', 'Barbara', 'Grace']) await made.begin({ name })
    seed(made.store, 'over', { name: 'over' }, inTime(-1), inTime(hour))
    seed(made.store, 'expired', { name: 'expired' }, inTime(hour), inTime(-1))
    expect(await namesOf(made)).toEqual(['Ada', 'Barbara', 'Grace'])
    expect(made.store.calls).toEqual([method])
  })

  test('calls for none when there is none', async () => {
    expect(await namesOf(make(new IterableStore()))).toEqual([])
  })

  // session_test.go TestIterate
  test('an error of the callback ends it, and comes through', async () => {
    const { manager, begin } = make(new IterableStore())
    for (const name of ['Ada', 'Barbara', 'Grace']) await begin({ name })
    let calls = 0
    const stop = manager.iterate(background(), async () => {
      calls++
      if (calls === 2) throw down
    })
    await expect(stop).rejects.toBe(down)
    expect(calls).toBe(2)
  })

  test('an error ends the scan of the store too', async () => {
    let ended = false
    class ScanningStore extends PlainStore {
      async *scan() {
        try {
          for (const row of this.memory.all()) yield row
        } finally {
          ended = true
        }
      }
    }
    const { manager, begin } = make(new ScanningStore())
    await begin({ name: 'Ada' })
    await begin({ name: 'Grace' })
    await expect(
      manager.iterate(background(), () => {
        throw down
      }),
    ).rejects.toBe(down)
    expect(ended).toBe(true)
  })

  test('waits for each call before the next', async () => {
    const { manager, begin } = make(new IterableStore())
    await begin({ name: 'Ada' })
    await begin({ name: 'Grace' })
    let running = 0
    await manager.iterate(background(), async () => {
      expect(++running).toBe(1)
      await settled()
      running--
    })
  })

  test('the context has the values of the one it was called with, and the other session', async () => {
    const { manager, load, begin } = make(new IterableStore())
    const token = await begin({ name: 'Ada' })
    const key = contextKey<string>('tag')
    const own = await load()
    manager.put(own, 'name', 'own')
    await manager.iterate(withValue(own, key, 'kept'), (ctx) => {
      expect(ctx.value(key)).toBe('kept')
      expect(manager.get(ctx, 'name')).toBe('Ada')
      expect(manager.token(ctx)).toBe(token)
      expect(manager.status(ctx)).toBe('unmodified')
    })
    expect(manager.get(own, 'name')).toBe('own')
  })

  test('what the callback changes is not written by itself', async () => {
    const { store, manager, begin } = make(new IterableStore())
    const token = await begin({ name: 'Ada' })
    await manager.iterate(background(), (ctx) => manager.put(ctx, 'name', 'changed'))
    expect(stored(store, token)).toEqual({ name: 'Ada' })
  })

  test.each([false, true])(
    'commit in the callback writes the row it came from (hashed: %o)',
    async (hashTokenInStore) => {
      const { store, manager, load, begin } = make(new IterableStore(), { hashTokenInStore })
      const token = await begin({ name: 'Ada' })
      const before = tokensOf(store)
      await manager.iterate(background(), async (ctx) => {
        manager.put(ctx, 'name', 'changed')
        const committed = await manager.commit(ctx)
        expect(committed?.token).toBe(hashTokenInStore ? '' : token)
        expect(manager.token(ctx)).toBe(hashTokenInStore ? '' : token)
      })
      expect(tokensOf(store)).toEqual(before)
      expect(manager.get(await load(token), 'name')).toBe('changed')
    },
  )

  test.each([false, true])(
    'destroy in the callback deletes the row it came from (hashed: %o)',
    async (hashTokenInStore) => {
      const { store, manager, load, begin } = make(new WholeStore(), { hashTokenInStore })
      const ada = await begin({ name: 'Ada' })
      const grace = await begin({ name: 'Grace' })
      await manager.iterate(background(), async (ctx) => {
        if (manager.get(ctx, 'name') === 'Ada') await manager.destroy(ctx)
      })
      expect(tokensOf(store)).toHaveLength(1)
      expect(manager.token(await load(ada))).toBe('')
      expect(manager.get(await load(grace), 'name')).toBe('Grace')
    },
  )

  test.each([false, true])(
    'renewToken in the callback moves the row (hashed: %o)',
    async (hashTokenInStore) => {
      const { store, manager, load, begin } = make(new IterableStore(), { hashTokenInStore })
      const token = await begin({ name: 'Ada' })
      let renewed = ''
      await manager.iterate(background(), async (ctx) => {
        await manager.renewToken(ctx)
        renewed = (await manager.commit(ctx))?.token ?? ''
      })
      expect(tokensOf(store)).toHaveLength(1)
      expect(manager.token(await load(token))).toBe('')
      expect(manager.get(await load(renewed), 'name')).toBe('Ada')
    },
  )

  test.each(['fresh', 'fail'] as const)(
    'a row that cannot be decoded is skipped and reported (unreadable: %s)',
    async (unreadable) => {
      const made = make(new IterableStore(), { unreadable })
      await made.begin({ name: 'Ada' })
      made.store.memory.commit('broken', Buffer.from('not JSON'), inTime(hour))
      await made.begin({ name: 'Grace' })
      expect(await namesOf(made)).toEqual(['Ada', 'Grace'])
      expect(made.heard).toEqual([code('ERR_SESSION_UNREADABLE')])
      expect(tokensOf(made.store)).toContain('broken')
    },
  )

  test.each([
    ['all', () => new IterableStore()],
    ['scan', () => new WholeStore()],
  ])('lets others through every 5 ms, on a store that can %s', async (_method, store) => {
    // Each session takes a millisecond to decode, and so does a row that cannot be decoded.
    let time = 0
    class SlowCodec extends JsonCodec {
      override decode(data: Uint8Array) {
        time++
        return super.decode(data)
      }
    }
    const made = make<PlainStore>(store(), { codec: new SlowCodec() })
    for (let n = 0; n < 50; n++) await made.begin({ name: `live-${n}` })
    for (let n = 0; n < 50; n++) {
      made.store.memory.commit(`broken-${n}`, Buffer.from('not JSON'), inTime(hour))
    }
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => time)
    time = 0
    const turns: number[] = []
    const count = () => {
      turns.push(time)
      next = setImmediate(count)
    }
    let next = setImmediate(count)
    expect(await namesOf(made)).toHaveLength(50)
    clearImmediate(next)
    clock.mockRestore()
    expect(time).toBe(100)
    const longest = Math.max(...turns.map((turn, n) => turn - (turns[n - 1] ?? 0)))
    expect(longest).toBeLessThanOrEqual(5)
    expect(turns.at(-1)).toBeGreaterThanOrEqual(95)
  })

  test('rejects with ERR_SESSION_NOT_ITERABLE when the store cannot list its sessions', async () => {
    const { manager } = make(new PlainStore())
    await expect(manager.iterate(background(), () => undefined)).rejects.toEqual(
      code('ERR_SESSION_NOT_ITERABLE'),
    )
  })

  test("passes the store's error through", async () => {
    const { store, manager } = make(new IterableStore())
    store.before = failing('all', down)
    await expect(manager.iterate(background(), () => undefined)).rejects.toBe(down)
  })
})

describe("a row that cannot be decoded, with unreadable: 'fresh'", () => {
  const broken = () => {
    const made = make(new PlainStore())
    made.store.memory.commit('broken', Buffer.from('secret, not JSON'), inTime(hour))
    return made
  }

  test('is a new session; onError hears of it, with the context', async () => {
    const heard: [unknown, Context][] = []
    const { store } = broken()
    const manager = new SessionManager({
      store,
      onError: (...args) => heard.push(args),
    })
    const key = contextKey<string>('tag')
    const given = withValue(background(), key, 'kept')
    const ctx = await manager.load(given, 'broken')
    expect(manager.token(ctx)).toBe('')
    expect(manager.status(ctx)).toBe('unmodified')
    expect(heard).toEqual([[code('ERR_SESSION_UNREADABLE'), given]])
    expect(String(heard[0]?.[0])).not.toMatch(/secret|broken/)
  })

  test('is left alone by a commit', async () => {
    const { store, manager, load } = broken()
    const ctx = await load('broken')
    manager.put(ctx, 'name', 'Ada')
    const committed = await manager.commit(ctx)
    expect(committed?.token).not.toBe('broken')
    expect(tokensOf(store).sort()).toEqual(['broken', committed?.token].sort())
  })

  test('goes with destroy', async () => {
    const { store, manager, load } = broken()
    await manager.destroy(await load('broken'))
    expect(tokensOf(store)).toEqual([])
  })

  test('goes with renewToken, once the new row is in', async () => {
    const { store, manager, load } = broken()
    const ctx = await load('broken')
    await manager.renewToken(ctx)
    expect(tokensOf(store)).toEqual(['broken'])
    const committed = await manager.commit(ctx)
    expect(tokensOf(store)).toEqual([committed?.token])
  })
})

describe('the idle timeout', () => {
  const options = { idleTimeout: 20 * minute, touchInterval: minute }

  const begun = async (more: SessionManagerOptions = {}) => {
    const made = make(new WholeStore(), { ...options, ...more })
    const token = await made.begin({ name: 'Ada' })
    return { ...made, token }
  }

  test('is asked for in one call with the session', async () => {
    const { store, load, token } = await begun()
    await load(token)
    expect(store.calls).toEqual([`findWithExpiry ${token}`])
  })

  test('a session that was used a moment ago is not due: reading writes nothing', async () => {
    const { manager, load, token } = await begun()
    vi.setSystemTime(now + minute - 1)
    expect(manager.status(await load(token))).toBe('unmodified')
  })

  test('after the touch interval it is due: the expiry moves, and the data is not sent', async () => {
    const { store, manager, load, token } = await begun()
    vi.setSystemTime(now + minute)
    const ctx = await load(token)
    expect(manager.status(ctx)).toBe('modified')
    expect(await manager.commit(ctx)).toEqual({
      token,
      storeToken: token,
      expiry: inTime(20 * minute),
    })
    expect(store.calls).toEqual([`findWithExpiry ${token}`, `touch ${token}`])
    expect(store.memory.findWithExpiry(ctx, token)?.expiry).toEqual(inTime(20 * minute))
    expect(manager.status(await load(token))).toBe('unmodified')
  })

  test('keeps a session that is used alive, up to its deadline, and no other', async () => {
    const { manager, load, token } = await begun({ lifetime: hour })
    for (let time = 10; time <= 50; time += 10) {
      vi.setSystemTime(now + time * minute)
      const ctx = await load(token)
      expect(manager.get(ctx, 'name')).toBe('Ada')
      await manager.commit(ctx)
    }
    vi.setSystemTime(now + 60 * minute)
    expect(manager.token(await load(token))).toBe('')
  })

  test('ends a session that is not used', async () => {
    const { manager, load, token } = await begun()
    vi.setSystemTime(now + 20 * minute)
    expect(manager.token(await load(token))).toBe('')
  })

  test('an expiry that is the deadline already is not moved', async () => {
    const { manager, load, token } = await begun({ lifetime: 20 * minute })
    vi.setSystemTime(now + 10 * minute)
    expect(manager.status(await load(token))).toBe('unmodified')
  })

  test('touchInterval 0 touches at every request, as SCS', async () => {
    const { store, manager, load, token } = await begun({ touchInterval: 0, lifetime: 10 * minute })
    for (let i = 0; i < 2; i++) {
      const ctx = await load(token)
      expect(manager.status(ctx)).toBe('modified')
      await manager.commit(ctx)
    }
    const round = [`findWithExpiry ${token}`, `touch ${token}`]
    expect(store.calls).toEqual([...round, ...round])
  })

  test('a plain store is written at every request, as SCS', async () => {
    const { store, manager, load, begin } = make(new PlainStore(), options)
    const token = await begin({ name: 'Ada' })
    const ctx = await load(token)
    expect(manager.status(ctx)).toBe('modified')
    expect(await manager.commit(ctx)).toEqual({
      token,
      storeToken: token,
      expiry: inTime(20 * minute),
    })
    expect(store.calls).toEqual([`find ${token}`, `commit ${token}`])
  })

  test('a new session is not modified by it', async () => {
    const { manager, load } = await begun({ touchInterval: 0 })
    expect(manager.status(await load())).toBe('unmodified')
    expect(manager.status(await load('unknown'))).toBe('unmodified')
  })

  test('0 is none: the expiry is the deadline, and is never moved', async () => {
    const { store, manager, load, begin } = make(new WholeStore(), { idleTimeout: 0 })
    const token = await begin({ name: 'Ada' })
    vi.setSystemTime(now + hour)
    const ctx = await load(token)
    expect(manager.status(ctx)).toBe('unmodified')
    expect(store.calls).toEqual([`find ${token}`])
    expect((await manager.commit(ctx))?.expiry.getTime()).toBe(now + 24 * hour)
  })

  test('a session that was changed as well is written, not only touched', async () => {
    const { store, manager, load, token } = await begun()
    vi.setSystemTime(now + minute)
    const ctx = await load(token)
    manager.put(ctx, 'name', 'Grace')
    expect(await manager.commit(ctx)).toEqual({
      token,
      storeToken: token,
      expiry: inTime(20 * minute),
    })
    expect(stored(store, token)).toEqual({ name: 'Grace' })
    expect(store.calls).not.toContain(`touch ${token}`)
  })

  describe('moves both ways', () => {
    /** The session of somebody who only reads, under another idle timeout, or another clock, than it was stored with. */
    const stored = (expiry: Date, more: SessionManagerOptions = {}) => {
      const made = make(new WholeStore(), { ...options, ...more })
      seed(made.store, 'example', { name: 'Ada' }, inTime(90 * day), expiry)
      return made
    }

    test('a session that was stored under a longer one gets the present one at its next request', async () => {
      const { store, manager, load } = stored(inTime(30 * day))
      const ctx = await load('example')
      expect(manager.status(ctx)).toBe('modified')
      expect(await manager.commit(ctx)).toEqual({
        token: 'example',
        storeToken: 'example',
        expiry: inTime(20 * minute),
      })
      expect(store.memory.findWithExpiry(ctx, 'example')?.expiry).toEqual(inTime(20 * minute))
      vi.setSystemTime(now + 20 * minute)
      expect(manager.token(await load('example'))).toBe('')
    })

    test('so does one that was stored by a clock that was ahead', async () => {
      const { manager, load } = stored(inTime(2 * hour + 20 * minute))
      await manager.commit(await load('example'))
      vi.setSystemTime(now + 20 * minute)
      expect(manager.token(await load('example'))).toBe('')
    })

    test.each<[number, number, string, string]>([
      // The touch interval, how much too late the session expires, its status a millisecond before and then.
      [minute, minute, 'unmodified', 'modified'],
      [second, minute, 'unmodified', 'modified'],
      [5 * minute, 5 * minute, 'unmodified', 'modified'],
    ])(
      'with a touch interval of %d ms, an expiry %d ms too late is left alone, a later one is not',
      async (touchInterval, late, status, then) => {
        for (const [more, expected] of [
          [0, status],
          [1, then],
        ] as const) {
          const { manager, load } = stored(inTime(20 * minute + late + more), { touchInterval })
          expect(manager.status(await load('example'))).toBe(expected)
        }
      },
    )

    test('machines whose clocks are 59 s apart do not write in turn', async () => {
      const { store, manager, load } = stored(inTime(20 * minute), { touchInterval: second })
      const due: string[] = []
      for (const clock of [59 * second, 0, 59 * second, 0]) {
        vi.setSystemTime(now + clock)
        const ctx = await load('example')
        due.push(manager.status(ctx))
        if (manager.status(ctx) === 'modified') await manager.commit(ctx)
      }
      expect(due).toEqual(['modified', 'unmodified', 'unmodified', 'unmodified'])
      expect(store.calls.filter((call) => call === 'touch example')).toHaveLength(1)
    })

    test('a deadline that ends the session earlier is no expiry that is too late', async () => {
      const { manager, load, token } = await begun({ lifetime: 5 * minute })
      expect(manager.status(await load(token))).toBe('unmodified')
    })
  })

  describe('when the touch fails, and nothing else is to be written', () => {
    test.each<[string, () => WholeStore | PlainStore, string, (error: Error) => unknown, number]>([
      ['atomic methods, at once', () => new WholeStore(), 'touch', thrown, 4],
      ['atomic methods, later', () => new WholeStore(), 'touch', rejected, 4],
      ['plain methods, at once', () => new PlainStore(), 'commit', thrown, 1],
      ['plain methods, later', () => new PlainStore(), 'commit', rejected, 1],
    ])('only the extension is lost: a store with %s', async (_what, create, call, fail, tries) => {
      const { store, manager, heard, load, begin } = make<PlainStore>(create(), options)
      const token = await begin({ name: 'Ada' })
      vi.setSystemTime(now + minute)
      const readOnly = new TypeError('read-only database')
      store.before = (made) => (made.startsWith(call) ? fail(readOnly) : undefined)
      for (const _ of [1, 2]) {
        const ctx = await load(token)
        expect(await manager.commit(ctx)).toBeUndefined()
        expect(manager.status(ctx)).toBe('modified')
        expect(manager.get(ctx, 'name')).toBe('Ada')
        const headers = new Headers()
        expect(await manager.commitAndWriteSessionCookie(ctx, headers)).toBeUndefined()
        expect(headers.getSetCookie()).toEqual([])
      }
      // Each commit reports one error, however often it has tried.
      expect(heard).toEqual([readOnly, readOnly, readOnly, readOnly])
      expect(store.calls.filter((made) => made.startsWith(call))).toHaveLength(4 * tries)

      store.before = () => undefined
      expect(await manager.commit(await load(token))).toEqual({
        token,
        storeToken: token,
        expiry: inTime(20 * minute),
      })
      expect(heard).toHaveLength(4)
    })

    test('a change that comes together with it fails the request', async () => {
      for (const store of [new WholeStore(), new PlainStore()]) {
        const { manager, heard, load, begin } = make<PlainStore>(store, options)
        const token = await begin({ name: 'Ada' })
        vi.setSystemTime(now + minute)
        const ctx = await load(token)
        manager.put(ctx, 'name', 'Grace')
        const refused = new TypeError('read-only database')
        store.before = (made) => (/^(?:swap|commit)/.test(made) ? thrown(refused) : undefined)
        await expect(manager.commit(ctx)).rejects.toBe(refused)
        expect(heard).toEqual([])
      }
    })

    test('so does an explicit commit of a session that is not due', async () => {
      const { store, manager, load, begin } = make<PlainStore>(new PlainStore())
      const token = await begin({ name: 'Ada' })
      const ctx = await load(token)
      store.before = failing('commit', down)
      await expect(manager.commit(ctx)).rejects.toBe(down)
    })
  })

  describe('when the touch finds the row gone', () => {
    const revoked = async () => {
      const made = await begun()
      vi.setSystemTime(now + minute)
      const ctx = await made.load(made.token)
      made.store.memory.delete(made.token)
      return { ...made, ctx, committed: await made.manager.commit(ctx) }
    }

    test('there is nothing to tell the client, and onError hears of it', async () => {
      const { store, manager, heard, ctx, committed } = await revoked()
      expect(committed).toBeUndefined()
      expect(manager.status(ctx)).toBe('revoked')
      expect(heard).toEqual([code('ERR_SESSION_REVOKED')])
      expect(tokensOf(store)).toEqual([])
    })

    test('what is changed afterwards stays in memory', async () => {
      const { store, manager, heard, ctx } = await revoked()
      manager.put(ctx, 'name', 'Grace')
      manager.setDeadline(ctx, inTime(hour))
      expect(manager.get(ctx, 'name')).toBe('Grace')
      expect(manager.status(ctx)).toBe('revoked')
      store.calls.length = 0
      expect(await manager.commit(ctx)).toBeUndefined()
      expect(store.calls).toEqual([])
      expect(tokensOf(store)).toEqual([])
      expect(heard).toHaveLength(1)
    })

    test('renewToken and mergeSession reject', async () => {
      const { store, manager, ctx, begin } = await revoked()
      const other = await begin({ cart: ['apple'] })
      await expect(manager.renewToken(ctx)).rejects.toEqual(code('ERR_SESSION_REVOKED'))
      await expect(manager.mergeSession(ctx, other)).rejects.toEqual(code('ERR_SESSION_REVOKED'))
      await expect(manager.mergeSession(ctx, '')).rejects.toEqual(code('ERR_SESSION_REVOKED'))
      expect(tokensOf(store)).toEqual([other])
    })

    test('destroy makes it destroyed', async () => {
      const { manager, ctx } = await revoked()
      await manager.destroy(ctx)
      expect(manager.status(ctx)).toBe('destroyed')
      expect(manager.keys(ctx)).toEqual([])
    })
  })
})

describe('a store that does not answer', () => {
  const silent = (call: string) => (made: string) =>
    made.startsWith(call) ? new Promise<void>(() => undefined) : undefined

  /** What `pending` rejects with when `milliseconds` have passed, and not before. */
  const rejectionAfter = async (milliseconds: number, pending: Promise<unknown>) => {
    const outcome: { error?: unknown } = {}
    pending.catch((error: unknown) => {
      outcome.error = error
    })
    await vi.advanceTimersByTimeAsync(milliseconds - 1)
    await settled()
    expect(outcome).toEqual({})
    await vi.advanceTimersByTimeAsync(1)
    await settled()
    expect(outcome.error).toEqual(code('ERR_SESSION_STORE_TIMEOUT'))
    return String(outcome.error)
  }

  test('is an error after storeTimeout, 30 s by default: load', async () => {
    const { store, load } = make(new PlainStore())
    store.before = silent('find')
    expect(await rejectionAfter(30 * second, load('example'))).toBe(
      'SessionError: the store did not answer find within 30000 ms (the option storeTimeout)',
    )
  })

  test.each<[string, string, (made: ReturnType<typeof make>, ctx: Context) => Promise<unknown>]>([
    ['commit', 'commit', ({ manager }, ctx) => manager.commit(ctx)],
    ['destroy', 'delete', ({ manager }, ctx) => manager.destroy(ctx)],
    ['mergeSession', 'find', ({ manager }, ctx) => manager.mergeSession(ctx, 'other')],
    ['mergeSession', 'delete', ({ manager }, ctx) => manager.mergeSession(ctx, 'other')],
    ['iterate', 'all', ({ manager }, ctx) => manager.iterate(ctx, () => undefined)],
  ])('%s, which waits for %s', async (_method, call, run) => {
    const made = make<PlainStore>(new IterableStore(), { storeTimeout: second })
    seed(made.store, 'example')
    seed(made.store, 'other')
    const ctx = await made.load('example')
    made.store.before = silent(call)
    expect(await rejectionAfter(second, run(made, ctx))).toContain(`did not answer ${call} within`)
  })

  test('iterate, each step of a scan', async () => {
    const store = Object.assign(new IterableStore(), {
      async *scan(): AsyncGenerator<readonly [string, Uint8Array], void> {
        for (const row of await new IterableStore().all()) yield row
        await new Promise(() => {})
      },
    })
    const { manager, load } = make<PlainStore>(store, { storeTimeout: second })
    const ctx = await load('example')
    const iterated = manager.iterate(ctx, () => undefined)
    expect(await rejectionAfter(second, iterated)).toContain('did not answer scan within')
  })

  test('touch', async () => {
    const { store, manager, heard, load } = make(new WholeStore(), {
      storeTimeout: second,
      idleTimeout: hour,
      touchInterval: 0,
    })
    seed(store, 'example')
    const ctx = await load('example')
    store.before = silent('touch')
    const committing = manager.commit(ctx)
    await vi.advanceTimersByTimeAsync(second)
    // The page is answered: it has lost nothing but an extension.
    expect(await committing).toBeUndefined()
    expect(heard).toEqual([code('ERR_SESSION_STORE_TIMEOUT')])
    expect(String(heard[0])).toContain('did not answer touch')
  })

  test('one budget is for the whole of a commit', async () => {
    const { store, manager, load } = make(new PlainStore(), { storeTimeout: 5 * second })
    seed(store, 'example')
    const ctx = await load('example')
    await manager.renewToken(ctx)
    store.before = () => new Promise((resolve) => setTimeout(resolve, 3 * second))
    await rejectionAfter(5 * second, manager.commit(ctx))
  })

  test.each(['commit', 'destroy'] as const)(
    'a renewal that a plain store writes too late keeps the old session, and the next %s deletes both rows',
    async (method) => {
      const { store, manager, load } = make(new PlainStore(), { storeTimeout: second })
      seed(store, 'example')
      const ctx = await load('example')
      await manager.renewToken(ctx)
      const late = manager.token(ctx)
      const commit = held()
      store.before = (call) => (call.startsWith('commit') ? commit.promise : undefined)
      await rejectionAfter(second, manager.commit(ctx))
      commit.release()
      await settled()
      expect(tokensOf(store).toSorted()).toEqual(['example', late].toSorted())
      store.before = () => undefined
      await manager[method](ctx)
      expect(manager.token(ctx)).not.toBe(late)
      expect(tokensOf(store)).toEqual([manager.token(ctx)].filter(Boolean))
    },
  )

  test('a renewal that a plain store writes after the next commit is under a token that the client never had', async () => {
    const { store, manager, load } = make(new PlainStore(), { storeTimeout: second })
    seed(store, 'example')
    const ctx = await load('example')
    await manager.renewToken(ctx)
    const late = manager.token(ctx)
    const commit = held()
    store.before = (call) => (call.startsWith('commit') ? commit.promise : undefined)
    await rejectionAfter(second, manager.commit(ctx))
    store.before = () => undefined
    const committed = await manager.commit(ctx)
    commit.release()
    await settled()
    expect(committed?.token).not.toBe(late)
    expect(manager.token(ctx)).toBe(committed?.token)
    expect(stored(store, 'example')).toBeUndefined()
  })

  test('the session can be used again once it answers', async () => {
    const { store, manager, load } = make(new PlainStore(), { storeTimeout: second })
    const ctx = await load()
    manager.put(ctx, 'name', 'Ada')
    store.before = silent('commit')
    await rejectionAfter(second, manager.commit(ctx))
    store.before = () => undefined
    const committed = await manager.commit(ctx)
    expect(stored(store, committed?.token ?? '')).toEqual({ name: 'Ada' })
  })

  test.each([
    [0, 365 * day],
    [60 * day, 24 * day],
  ])('a storeTimeout of %d ms waits longer than %d ms', async (storeTimeout, waited) => {
    const { store, manager, load } = make(new PlainStore(), { storeTimeout })
    seed(store, 'example')
    const answer = held()
    store.before = () => answer.promise
    const loading = load('example')
    vi.advanceTimersByTime(waited)
    vi.setSystemTime(now)
    answer.release()
    expect(manager.get(await loading, 'name')).toBe('Ada')
  })

  test('no timer is left when it has answered', async () => {
    const { store, manager, load } = make(new PlainStore())
    store.before = () => Promise.resolve()
    const ctx = await load('example')
    await manager.commit(ctx)
    await manager.destroy(ctx)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a client that has gone', () => {
  const slow = () => {
    const made = make(new PlainStore())
    seed(made.store, 'example')
    const answer = held()
    made.store.before = () => answer.promise
    return { ...made, answer }
  }

  test('ends the wait for find, with the reason of the signal', async () => {
    const { manager } = slow()
    const controller = new AbortController()
    const loading = manager.load(withSignal(background(), controller.signal), 'example')
    controller.abort(new Error('gone'))
    await expect(loading).rejects.toThrow('gone')
  })

  test('ends it at once when it had gone before', async () => {
    const { manager } = slow()
    const gone = withSignal(background(), AbortSignal.abort(new Error('gone')))
    await expect(manager.load(gone, 'example')).rejects.toThrow('gone')
  })

  test('what the store says afterwards is not heard: neither the answer nor an error', async () => {
    const { store, manager } = slow()
    const controller = new AbortController()
    const answer = held()
    store.before = () =>
      answer.promise.then(() => {
        throw down
      })
    const loading = manager.load(withSignal(background(), controller.signal), 'example')
    controller.abort(new Error('gone'))
    await expect(loading).rejects.toThrow('gone')
    answer.release()
    await settled()
  })

  test('a signal that nobody aborts changes nothing', async () => {
    const { store, manager, answer } = slow()
    const { signal } = new AbortController()
    const loading = manager.load(withSignal(background(), signal), 'example')
    answer.release()
    expect(manager.get(await loading, 'name')).toBe('Ada')
    store.before = () => Promise.reject(down)
    await expect(manager.load(withSignal(background(), signal), 'example')).rejects.toBe(down)
  })

  test('does not end a write: what a store writes with carries no signal', async () => {
    const contexts: [string, Context][] = []
    const memory = new MemoryStore({ cleanupInterval: 0 })
    const store: CtxStore & AtomicStore = {
      findCtx(ctx, token) {
        contexts.push(['find', ctx])
        return memory.find(token)
      },
      commitCtx(ctx, ...row) {
        contexts.push(['commit', ctx])
        memory.commit(...row)
      },
      deleteCtx(ctx, token) {
        contexts.push(['delete', ctx])
        memory.delete(token)
      },
      findWithExpiry(ctx, token) {
        contexts.push(['find', ctx])
        return memory.findWithExpiry(ctx, token)
      },
      touch(ctx, ...row) {
        contexts.push(['touch', ctx])
        return memory.touch(ctx, ...row)
      },
      swap(ctx, swap) {
        contexts.push(['swap', ctx])
        return memory.swap(ctx, swap)
      },
    }
    const manager = new SessionManager({ store, idleTimeout: hour, touchInterval: 0 })
    const key = contextKey<string>('tag')
    const controller = new AbortController()
    const base = withSignal(withValue(background(), key, 'kept'), controller.signal)
    const first = await manager.load(base, '')
    manager.put(first, 'name', 'Ada')
    controller.abort()
    const committed = await manager.commit(first)
    const second = await manager.load(base, committed?.token)
    await manager.commit(second)
    await manager.destroy(second)
    expect(contexts.map(([call, ctx]) => [call, ctx.signal?.aborted, ctx.value(key)])).toEqual([
      ['swap', undefined, 'kept'],
      ['find', true, 'kept'],
      ['touch', undefined, 'kept'],
      ['delete', undefined, 'kept'],
    ])
  })
})

describe('calls that are not awaited', () => {
  test('are made one after another', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const token = await begin({ name: 'Ada' })
    const ctx = await load(token)
    store.calls.length = 0
    const commit = held()
    store.before = (call) => (call.startsWith('commit') ? commit.promise : undefined)
    const committing = manager.commit(ctx)
    const destroying = manager.destroy(ctx)
    await settled()
    expect(store.calls).toEqual([`commit ${token}`])
    commit.release()
    await Promise.all([committing, destroying])
    expect(store.calls).toEqual([`commit ${token}`, `delete ${token}`])
    expect(tokensOf(store)).toEqual([])
    expect(manager.status(ctx)).toBe('destroyed')
  })

  test('an error of one does not stop the next', async () => {
    const { store, manager, load, begin } = make(new PlainStore())
    const ctx = await load(await begin({ name: 'Ada' }))
    store.before = (call) => (call.startsWith('commit') ? Promise.reject(down) : undefined)
    const committing = expect(manager.commit(ctx)).rejects.toBe(down)
    await manager.destroy(ctx)
    await committing
    expect(tokensOf(store)).toEqual([])
  })

  test('what is put while a commit is in progress is in the next one', async () => {
    const { store, manager, load } = make(new PlainStore())
    const ctx = await load()
    manager.put(ctx, 'count', 1)
    const commit = held()
    store.before = () => commit.promise
    const committing = manager.commit(ctx)
    manager.put(ctx, 'count', 2)
    commit.release()
    const committed = await committing
    expect(stored(store, committed?.token ?? '')).toEqual({ count: 1 })
    await manager.commit(ctx)
    expect(stored(store, committed?.token ?? '')).toEqual({ count: 2 })
  })
})

describe('two managers with one cookie name', () => {
  const message = "two session managers of one request have the cookie name 'sid'"
  const manager = () => new SessionManager({ cookie: { name: 'sid' }, store: new PlainStore() })

  test('are an error when the second is loaded, whatever comes between them', async () => {
    const ctx = withSignal(
      withValue(await manager().load(background(), undefined), contextKey('a'), 1),
      new AbortController().signal,
    )
    const loading = manager().load(ctx, undefined)
    await expect(loading).rejects.toThrow(TypeError)
    await expect(loading).rejects.toThrow(message)
  })

  test('are an error also when another manager is between them', async () => {
    const other = new SessionManager({ cookie: { name: 'SID' }, store: new PlainStore() })
    const ctx = await other.load(await manager().load(background(), undefined), undefined)
    await expect(manager().load(ctx, undefined)).rejects.toThrow(message)
  })

  test('may each have a session in contexts of their own', async () => {
    await manager().load(background(), undefined)
    await manager().load(background(), undefined)
  })

  test('may move sessions from one to the other, by iterate', async () => {
    const from = make(new IterableStore(), { cookie: { name: 'sid' } })
    await from.begin({ name: 'Ada' })
    const to = manager()
    let name = ''
    await from.manager.iterate(background(), async (old) => {
      const ctx = await to.load(old, undefined)
      to.put(ctx, 'name', from.manager.get(ctx, 'name'))
      name = to.getString(ctx, 'name')
    })
    expect(name).toBe('Ada')
  })

  test('may be the same manager twice: the session is the same', async () => {
    const same = manager()
    const ctx = await same.load(background(), undefined)
    expect(await same.load(ctx, undefined)).toBe(ctx)
  })
})

describe('several tokens of one request', () => {
  const several = (store: PlainStore, options: SessionManagerOptions = {}) => {
    const made = make(store, options)
    const load = (...tokens: string[]) => made.manager.load(background(), tokens)
    const damage = (token: string) =>
      made.store.memory.commit(token, Buffer.from('not JSON'), inTime(hour))
    return { ...made, load, damage }
  }

  describe.each([
    ['at once', () => undefined],
    ['later', () => Promise.resolve()],
  ])('on a store that answers %s', (_when, before) => {
    test('are looked up one after another, until one has a live session', async () => {
      const { store, manager, load } = several(new PlainStore())
      seed(store, 'b', { name: 'Ada' })
      seed(store, 'c', { name: 'Bob' })
      store.before = before
      const ctx = await load('a', 'b', 'c')
      expect([manager.token(ctx), manager.getString(ctx, 'name')]).toEqual(['b', 'Ada'])
      expect(store.calls).toEqual(['find a', 'find b'])
    })

    test('none of which has a session are a new one', async () => {
      const { store, manager, load } = several(new PlainStore())
      store.before = before
      const ctx = await load('a', 'b')
      expect([manager.token(ctx), manager.status(ctx)]).toEqual(['', 'unmodified'])
      expect(store.calls).toEqual(['find a', 'find b'])
    })

    test.each(['fresh', 'fail'] as const)(
      'a row that cannot be decoded is passed over when a later token has a session (unreadable: %s)',
      async (unreadable) => {
        const { store, manager, load, damage } = several(new PlainStore(), { unreadable })
        damage('a')
        seed(store, 'b')
        store.before = before
        expect(manager.token(await load('a', 'b'))).toBe('b')
      },
    )

    test('a row that cannot be decoded is an error when no token has a session (fail)', async () => {
      const { store, load, damage } = several(new PlainStore(), { unreadable: 'fail' })
      damage('b')
      store.before = before
      await expect(load('a', 'b', 'c')).rejects.toEqual(code('ERR_SESSION_UNREADABLE'))
      expect(store.calls).toEqual(['find a', 'find b', 'find c'])
    })

    test('a row that cannot be decoded is a new session when no token has one (fresh)', async () => {
      const { store, manager, heard, load, damage } = several(new PlainStore())
      damage('b')
      store.before = before
      const ctx = await load('a', 'b', 'c')
      expect(manager.token(ctx)).toBe('')
      expect(heard).toEqual([code('ERR_SESSION_UNREADABLE')])
      await manager.renewToken(ctx)
      const committed = await manager.commit(ctx)
      expect(tokensOf(store)).toEqual([committed?.token])
    })

    test('a store that fails is an error at once', async () => {
      const { store, load } = several(new PlainStore())
      store.before = (call) => {
        if (call === 'find a') throw down
        return before()
      }
      await expect(load('a', 'b')).rejects.toBe(down)
      expect(store.calls).toEqual(['find a'])
    })

    test('destroy deletes the rows of all of them', async () => {
      const { store, manager, load, damage } = several(new PlainStore(), { unreadable: 'fail' })
      damage('a')
      for (const token of ['b', 'c', 'd']) seed(store, token)
      store.before = before
      await manager.destroy(await load('a', 'b', 'c'))
      expect(tokensOf(store)).toEqual(['d'])
    })

    test('renewToken keeps the others', async () => {
      const { store, manager, load } = several(new PlainStore())
      for (const token of ['a', 'b', 'c']) seed(store, token)
      store.before = before
      const ctx = await load('b', 'a', 'c')
      await manager.renewToken(ctx)
      const committed = await manager.commit(ctx)
      expect(tokensOf(store).sort()).toEqual(['a', 'c', committed?.token].sort())
      await manager.destroy(ctx)
      expect(tokensOf(store)).toEqual([])
    })
  })

  test('of which one is left, when malformed and repeated ones are gone, are as one', async () => {
    const { store, manager, load } = several(new PlainStore())
    seed(store, 'b')
    expect(manager.token(await load('', '%', 'b', 'b', 'x'.repeat(44)))).toBe('b')
    expect(store.calls).toEqual(['find b'])
    for (const tokens of [[], ['%'], [undefined], [5]]) {
      const ctx = await manager.load(background(), tokens as string[])
      expect(manager.token(ctx)).toBe('')
    }
    expect(store.calls).toEqual(['find b'])
  })

  test('a destroy that failed can be repeated; one that succeeded forgets them', async () => {
    const { store, manager, load } = several(new PlainStore())
    for (const token of ['a', 'b']) seed(store, token)
    const ctx = await load('a', 'b')
    store.before = failing('delete b', down)
    await expect(manager.destroy(ctx)).rejects.toBe(down)
    store.before = () => undefined
    await manager.destroy(ctx)
    expect(tokensOf(store)).toEqual([])
    seed(store, 'b')
    await manager.destroy(ctx)
    expect(tokensOf(store)).toEqual(['b'])
  })

  test('are deleted under their hashes, with hashed tokens', async () => {
    const { store, manager } = make(new PlainStore(), { hashTokenInStore: true })
    const tokens: string[] = []
    for (const name of ['a', 'b']) {
      const ctx = await manager.load(background(), undefined)
      manager.put(ctx, 'name', name)
      tokens.push((await manager.commit(ctx))?.token ?? '')
    }
    expect(tokensOf(store)).toHaveLength(2)
    await manager.destroy(await manager.load(background(), ['unknown', ...tokens]))
    expect(tokensOf(store)).toEqual([])
  })
})

describe('the session cookie', () => {
  test('is read under the configured name', () => {
    const manager = new SessionManager({ cookie: { name: 'sid' } })
    expect(manager.readSessionCookies({ cookie: 'session=a; sid=b' })).toEqual(['b'])
    expect(manager.readSessionCookies(new Headers({ cookie: 'sid=c' }))).toEqual(['c'])
    expect(manager.readSessionCookies({})).toEqual([])
  })

  test('is read by a method that a subclass may override', async () => {
    class OfHeader extends SessionManager {
      override readSessionCookies(headers: IncomingHttpHeaders): string[] {
        return [String(headers['x-session'])]
      }
    }
    const { store } = make(new PlainStore())
    seed(store, 'a', { name: 'Ada' })
    const manager = new OfHeader({ store })
    const req = new IncomingMessage(new Socket())
    req.headers['x-session'] = 'a'
    let name = ''
    const listener = manager.loadAndSave((request) => {
      name = manager.getString(contextOf(request), 'name')
    })
    listener(req, new ServerResponse(req))
    expect(name).toBe('Ada')
  })

  test('is written to a Node response and to Headers alike', async () => {
    const { manager, load } = make(new PlainStore())
    const ctx = await load()
    const res = new ServerResponse(new IncomingMessage(new Socket()))
    const headers = new Headers()
    for (const to of [res, headers]) manager.writeSessionCookie(ctx, to, 'token', inTime(hour))
    const line =
      'session=token; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600; Expires=Tue, 01 Dec 2026 11:00:01 GMT'
    expect(res.getHeader('Set-Cookie')).toBe(line)
    expect(headers.getSetCookie()).toEqual([line])
    expect(headers.get('Cache-Control')).toBe('no-cache="Set-Cookie"')
  })

  test('without an expiry deletes, also where cookies end with the browser', async () => {
    const { manager, load } = make(new PlainStore(), {
      cookie: { persist: false, domain: 'example.com', path: '/app', secure: true },
    })
    const headers = new Headers()
    manager.writeSessionCookie(await load(), headers, '', undefined)
    expect(headers.getSetCookie()).toEqual([
      'session=; Domain=example.com; Path=/app; HttpOnly; Secure; SameSite=Lax; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:01 GMT',
    ])
  })
})

test('a manager needs neither a request nor a response', async () => {
  const manager = new SessionManager()
  const carrier = {}
  bindContext(carrier, await manager.load(contextOf(carrier), ''))
  manager.put(contextOf(carrier), 'name', 'Ada')
  const committed = await manager.commit(contextOf(carrier))
  const again = await manager.load(background(), committed?.token)
  expect(manager.getString(again, 'name')).toBe('Ada')
})
