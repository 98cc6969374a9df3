import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import {
  background,
  contextOf,
  day,
  hardened,
  hour,
  MemoryStore,
  minute,
  SessionManager,
  type SessionManagerOptions,
} from '../src/index.ts'

const strict = {
  lifetime: 12 * hour,
  idleTimeout: 30 * minute,
  hashTokenInStore: true,
  cookie: { name: '__Host-session', secure: true, persist: false },
}

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

describe('hardened', () => {
  it.each<[string, unknown, string]>([
    [
      'null',
      null,
      'the options of SessionManager must be an object, such as { store: … }; it is null',
    ],
    [
      'a store',
      new MemoryStore({ cleanupInterval: 0 }),
      'the options of SessionManager must be an object, such as { store: … }; it is an instance of MemoryStore',
    ],
    ['lifeTime', { lifeTime: 1 }, 'SessionManager has no option lifeTime: did you mean lifetime?'],
  ])('refuses %s, as the manager would', (_what, options, message) => {
    expect(() => hardened(options as SessionManagerOptions)).toThrow(new TypeError(message))
  })

  it.each<[string, SessionManagerOptions | undefined]>([
    ['nothing', undefined],
    ['no options', {}],
    ['a cookie without settings', { cookie: {} }],
    [
      'options that are undefined',
      {
        ...{ lifetime: undefined, idleTimeout: undefined, hashTokenInStore: undefined },
        cookie: { name: undefined, secure: undefined, persist: undefined },
      },
    ],
    [
      'options that are null, which a manager takes for its defaults',
      {
        ...{ lifetime: null, idleTimeout: null, hashTokenInStore: null },
        cookie: { name: null, secure: null, persist: null },
      } as never,
    ],
    ['a cookie that is undefined', { cookie: undefined }],
  ])('given %s, has the strict ones', (_, options) => {
    expect(hardened(options)).toEqual(strict)
  })

  it('takes what is given by name, also what is weaker, and leaves the rest strict', () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    const weaker: SessionManagerOptions = {
      ...{ store, lifetime: 90 * day, idleTimeout: 0, hashTokenInStore: false },
      cookie: {
        name: 'id',
        secure: false,
        persist: true,
        sameSite: 'strict',
        domain: 'example.com',
      },
    }
    expect(hardened(weaker)).toEqual(weaker)
    expect(hardened({ lifetime: hour })).toEqual({ ...strict, lifetime: hour })
    expect(hardened({ cookie: { sameSite: 'strict' } })).toEqual({
      ...strict,
      cookie: { ...strict.cookie, sameSite: 'strict' },
    })
    expect(hardened({ store }).store).toBe(store)
  })

  it('takes options that an object inherits, as a manager does', () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    class Production {
      readonly lifetime = hour
      get store() {
        return store
      }
      get cookie() {
        return Object.create({ sameSite: 'strict', persist: true })
      }
    }
    expect(hardened(new Production())).toEqual({
      ...{ ...strict, store, lifetime: hour },
      cookie: { ...strict.cookie, sameSite: 'strict', persist: true },
    })
    expect(hardened(Object.create({ idleTimeout: 5 * minute }))).toEqual({
      ...{ ...strict, idleTimeout: 5 * minute },
    })
  })

  it('changes nothing of what it is given, and nothing when it is called twice', () => {
    const options = Object.freeze({ lifetime: hour, cookie: Object.freeze({ path: '/' }) })
    const once = hardened(options)
    expect(hardened(once)).toEqual(once)
    expect(options).toEqual({ lifetime: hour, cookie: { path: '/' } })
  })

  it.each<[string, SessionManagerOptions, string]>([
    ['a domain', { cookie: { domain: 'example.com' } }, 'cookie.domain must be left out'],
    ['a path', { cookie: { path: '/app' } }, "cookie.path must be '/'"],
    ['no secure', { cookie: { secure: false } }, 'cookie.secure must be true'],
    ['a cookie that is null', { cookie: null as never }, 'cookie must be an object'],
    ['a cookie that is text', { cookie: 'id' as never }, 'cookie must be an object'],
    ['a wrong lifetime', { lifetime: -1 }, 'lifetime'],
  ])('leaves it to the manager to refuse %s', (_, options, message) => {
    expect(() => new SessionManager(hardened(options))).toThrow(
      expect.objectContaining({ name: 'TypeError', message: expect.stringContaining(message) }),
    )
  })

  it('makes a manager whose cookie, store and time-outs are strict', async () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    const manager = new SessionManager<{ userId: number }>(hardened({ store }))
    const server = createServer(
      manager.loadAndSave((req, res) => {
        manager.put(contextOf(req), 'userId', 1)
        manager.rememberMe(contextOf(req), req.url === '/remember')
        res.end()
      }),
    ).listen(0)
    servers.push(server)
    const url = `http://localhost:${(server.address() as AddressInfo).port}`

    const response = await fetch(url)
    const [line = ''] = response.headers.getSetCookie()
    expect(line).toMatch(/^__Host-session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    const token = line.slice('__Host-session='.length, line.indexOf(';'))
    const [row = ''] = store.all().keys()
    expect(row).toMatch(/^[\w-]{43}$/)
    expect(row).not.toBe(token)
    const before = Date.now()
    const found = store.findWithExpiry(background(), row)
    expect(found?.expiry.getTime()).toBeLessThanOrEqual(before + 30 * minute)

    const remembered = await fetch(`${url}/remember`)
    expect(remembered.headers.getSetCookie()[0]).toMatch(/; Max-Age=1[78]\d\d;/)
  })
})

it('docs/security.md lists the defaults and the strict options as they are', () => {
  const page = readFileSync(new URL('../../../docs/security.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `([\w.]+)` \| (.+?) \| (.+?) \|$/gm)]
  const listed = rows.map(([, option, before = '', after = '']) => [
    option,
    asInDocs(before),
    asInDocs(after),
  ])
  const usual = new SessionManager()
  const { cookie = {}, ...strictOptions } = hardened()
  const each = (name: string, before: object, after: object) =>
    Object.keys(after).map((option) => [
      name + option,
      (before as Record<string, unknown>)[option],
      (after as Record<string, unknown>)[option],
    ])
  expect(listed.sort()).toEqual(
    [...each('cookie.', usual.cookie, cookie), ...each('', usual, strictOptions)].sort(),
  )
})

it('the defaults stay those of SCS', () => {
  const manager = new SessionManager()
  expect(manager.cookie).toEqual({
    ...{ name: 'session', path: '/', httpOnly: true, secure: false, sameSite: 'lax' },
    ...{ partitioned: false, persist: true },
  })
  expect(manager).toMatchObject({ lifetime: 24 * hour, hashTokenInStore: false })
  expect(manager.idleTimeout).toBeUndefined()
})

/** `'text'`, `true`, 12 hours or none, as the table writes it. */
function asInDocs(text: string): unknown {
  const [, quoted, bool, amount, unit] =
    /^(?:`'(.+?)'`|`(true|false)`|(\d+) (hours|minutes))/.exec(text) ?? []
  if (quoted !== undefined) return quoted
  if (bool !== undefined) return bool === 'true'
  return amount === undefined ? undefined : Number(amount) * (unit === 'hours' ? hour : minute)
}
