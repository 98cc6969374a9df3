import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  background,
  day,
  hour,
  JsonCodec,
  MemoryStore,
  minute,
  SessionManager,
  type SessionManagerOptions,
  second,
} from '../src/index.ts'
import { checkedOptions } from '../src/options.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('defaults', () => {
  test('are those of SCS', () => {
    const manager = new SessionManager()
    expect(manager.lifetime).toBe(24 * hour)
    expect(manager.idleTimeout).toBeUndefined()
    expect(manager.touchInterval).toBe(0)
    expect(manager.store).toBeInstanceOf(MemoryStore)
    expect(manager.codec).toBeInstanceOf(JsonCodec)
    expect(manager.hashTokenInStore).toBe(false)
    expect(manager.cookie).toEqual({
      name: 'session',
      path: '/',
      httpOnly: true,
      secure: false,
      sameSite: 'lax',
      partitioned: false,
      persist: true,
    })
    expect(checkedOptions({})).toMatchObject({ unreadable: 'fresh', storeTimeout: 30 * second })
  })

  test('each manager has a store of its own', () => {
    expect(new SessionManager().store).not.toBe(new SessionManager().store)
  })

  test('undefined is the default', () => {
    const given = checkedOptions({
      lifetime: undefined,
      idleTimeout: undefined,
      touchInterval: undefined,
      store: undefined,
      codec: undefined,
      cookie: undefined,
      hashTokenInStore: undefined,
      unreadable: undefined,
      storeTimeout: undefined,
      errorFunc: undefined,
      onError: undefined,
    })
    const { store: _, codec: __, ...defaults } = checkedOptions({})
    expect(given).toMatchObject(defaults)
  })

  test.each([
    [undefined, 0],
    [0, 0],
    [minute, 3 * second],
    [20 * minute, minute],
    [7 * day, minute],
  ])('with an idle timeout of %o ms, the touch interval is %d ms', (idleTimeout, touchInterval) => {
    expect(new SessionManager({ idleTimeout }).touchInterval).toBe(touchInterval)
  })
})

describe('what was configured', () => {
  test('can be read', () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    const codec = new JsonCodec()
    const manager = new SessionManager({
      lifetime: hour,
      idleTimeout: 10 * minute,
      touchInterval: 5,
      store,
      codec,
      cookie: { name: 'sid', secure: true, sameSite: false, priority: 'high' },
      hashTokenInStore: true,
    })
    expect(manager).toMatchObject({
      lifetime: hour,
      idleTimeout: 10 * minute,
      touchInterval: 5,
      hashTokenInStore: true,
    })
    expect(manager.store).toBe(store)
    expect(manager.codec).toBe(codec)
    expect(manager.cookie).toMatchObject({
      name: 'sid',
      secure: true,
      sameSite: false,
      priority: 'high',
    })
  })

  test('does not change with the options it came from', async () => {
    const options: SessionManagerOptions = { lifetime: hour, cookie: { name: 'sid' } }
    const manager = new SessionManager(options)
    options.lifetime = 1
    if (options.cookie) options.cookie.name = 'other'
    expect(manager.lifetime).toBe(hour)
    expect(manager.readSessionCookies({ cookie: 'sid=a; other=b' })).toEqual(['a'])
    const ctx = await manager.load(background(), '')
    expect(manager.deadline(ctx).getTime()).toBeGreaterThan(Date.now() + minute)
  })

  test('is frozen where it is an object', () => {
    const { cookie } = new SessionManager()
    expect(() => Object.assign(cookie, { secure: true })).toThrow(TypeError)
    expect(cookie.secure).toBe(false)
  })
})

describe('an invalid option is a TypeError that names it', () => {
  test.each([
    ['touchInterval', { idleTimeout: 1000, touchInterval: 1000 }],
    ['codec', { codec: null }],
    ['cookie', { cookie: null }],
    ['cookie', { cookie: 'session' }],
    ['options', null],
    ['options', 'session'],
  ])('%s that makes no sense is refused, and named', (option, options) => {
    const make = () => new SessionManager(options as never)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(option)
  })

  const durations = ['lifetime', 'idleTimeout', 'touchInterval', 'storeTimeout'] as const
  const notDurations = [
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    '1000',
    '24h',
    1000n,
    true,
    new Date(0),
  ]

  test.each(durations)('%s', (option) => {
    for (const value of notDurations) {
      const construct = () => new SessionManager({ [option]: value })
      expect(construct).toThrow(TypeError)
      expect(construct).toThrow(
        new RegExp(`^${option} must be a finite number of milliseconds, zero or more; it is `),
      )
    }
  })

  test.each<[string, object, string]>([
    [
      'lifetime: 0',
      { lifetime: 0 },
      'lifetime must be at least 1 ms: otherwise no session is ever found again',
    ],
    [
      'lifetime in another unit',
      { lifetime: 0.5 },
      'lifetime must be at least 1 ms: otherwise no session is ever found again',
    ],
    [
      'idleTimeout in another unit',
      { idleTimeout: 0.5 },
      'idleTimeout must be 0 (none), or at least 1 ms',
    ],
    [
      'touchInterval without idleTimeout',
      { touchInterval: minute },
      'touchInterval needs idleTimeout: without one, no session is ever extended',
    ],
    [
      'touchInterval with idleTimeout 0',
      { idleTimeout: 0, touchInterval: 1 },
      'touchInterval needs idleTimeout: without one, no session is ever extended',
    ],
    [
      'touchInterval as long as idleTimeout',
      { idleTimeout: minute, touchInterval: minute },
      'touchInterval must be less than idleTimeout: nobody would be kept signed in',
    ],
    [
      'lifetime beyond the year 9999',
      { lifetime: 10_000 * 366 * day },
      'lifetime must end a session in the year 9999 at the latest',
    ],
    ['hashTokenInStore', { hashTokenInStore: 'yes' }, 'hashTokenInStore must be true or false'],
    ['unreadable', { unreadable: 'ignore' }, "unreadable must be 'fresh' or 'fail'"],
    ['errorFunc', { errorFunc: 'log' }, 'errorFunc must be a function'],
    ['onError', { onError: {} }, 'onError must be a function'],
    ['store', { store: {} }, 'store has neither a method find nor findCtx'],
    ['codec', { codec: {} }, 'codec must have the methods encode and decode'],
    ['codec: JSON', { codec: JSON }, 'codec must have the methods encode and decode'],
    ['half a codec', { codec: { encode() {} } }, 'codec must have the methods encode and decode'],
    ['cookie.name', { cookie: { name: '' } }, 'cookie.name must be an RFC 6265 token'],
  ])('%s', (_what, options, message) => {
    expect(() => new SessionManager(options)).toThrow(new TypeError(message))
  })
})

describe('touchInterval 0', () => {
  test('is what a manager without an idle timeout has, and may be said', () => {
    const { lifetime, idleTimeout, touchInterval } = new SessionManager()
    const same = new SessionManager({ lifetime, idleTimeout, touchInterval })
    expect(same.touchInterval).toBe(0)
  })
})

describe('an option that does not exist is a TypeError that names the one that was meant', () => {
  test.each<[string, object, string]>([
    ['lifeTime', { lifeTime: hour }, 'did you mean lifetime?'],
    ['Lifetime', { Lifetime: hour }, 'did you mean lifetime?'],
    ['idleTimeOut', { idleTimeOut: hour }, 'did you mean idleTimeout?'],
    ['hashToken', { hashToken: true }, 'did you mean hashTokenInStore?'],
    ['errorHandler', { errorHandler() {} }, 'its options are store, lifetime, idleTimeout, '],
    ['secret', { secret: 'x' }, 'tokens are random and nothing is signed, so leave it out'],
    ['resave', { resave: false }, 'only what a request changed is saved, so leave it out'],
    [
      'saveUninitialized',
      { saveUninitialized: false },
      'a session without data is never saved, so leave it out',
    ],
    ['rolling', { rolling: true }, 'use idleTimeout'],
    ['maxAge', { maxAge: hour }, 'use lifetime'],
    ['name', { name: 'sid' }, 'did you mean cookie.name?'],
    ['httpOnly', { httpOnly: true }, 'did you mean cookie.httpOnly?'],
    ['cookie.httponly', { cookie: { httponly: true } }, 'did you mean cookie.httpOnly?'],
    ['cookie.samesite', { cookie: { samesite: 'lax' } }, 'did you mean cookie.sameSite?'],
    [
      'cookie.maxAge',
      { cookie: { maxAge: hour } },
      'the cookie lives as long as the session, so use lifetime',
    ],
    [
      'cookie.expires',
      { cookie: { expires: new Date() } },
      'the cookie lives as long as the session, so use lifetime',
    ],
    [
      'cookie.signed',
      { cookie: { signed: true } },
      'tokens are random and nothing is signed, so leave it out',
    ],
  ])('%s', (name, options, cure) => {
    const construct = () => new SessionManager(options)
    expect(construct).toThrow(TypeError)
    expect(construct).toThrow(`SessionManager has no option ${name}: ${cure}`)
  })

  test('also of a MemoryStore', () => {
    const options = { cleanUpInterval: hour } as object
    expect(() => new MemoryStore(options)).toThrow(
      new TypeError('MemoryStore has no option cleanUpInterval: did you mean cleanupInterval?'),
    )
    expect(() => new MemoryStore(minute as never)).toThrow(
      'the options of MemoryStore must be an object, such as { cleanupInterval: … }; it is a number',
    )
  })

  test('a store is not its options', () => {
    expect(() => new SessionManager(new MemoryStore() as object)).toThrow(
      'the options of SessionManager must be an object, such as { store: … }; it is an instance of MemoryStore',
    )
  })
})

describe('onError', () => {
  test('is console.error by default', async () => {
    const logged = vi.spyOn(console, 'error').mockReturnValue(undefined)
    const store = new MemoryStore({ cleanupInterval: 0 })
    store.commit('token', new Uint8Array([1, 2, 3]), new Date(Date.now() + hour))
    await new SessionManager({ store }).load(background(), 'token')
    expect(logged).toHaveBeenCalledExactlyOnceWith(
      'scs:',
      expect.objectContaining({ code: 'ERR_SESSION_UNREADABLE' }),
    )
  })
})

describe('errorFunc', () => {
  test('logs and answers with a plain 500 by default', async () => {
    const logged = vi.spyOn(console, 'error').mockReturnValue(undefined)
    const error = new Error('the handler failed')
    const handler = new SessionManager().loadAndSave(() => {
      throw error
    })
    const server = createServer(handler).listen(0, '127.0.0.1')
    try {
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const answer = await fetch(`http://127.0.0.1:${port}/`)
      expect(answer.status).toBe(500)
      expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(await answer.text()).toBe('Internal Server Error\n')
      expect(logged).toHaveBeenCalledExactlyOnceWith('scs:', error)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})
