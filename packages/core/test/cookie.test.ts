import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { addCookie, CookieWriter, sessionTokens } from '../src/http/cookie.ts'
import { checkedCookie, type SessionCookieOptions } from '../src/http/cookie-options.ts'
import { background, MemoryStore, SessionManager } from '../src/index.ts'
import { generateToken } from '../src/session/token.ts'

const token = 'lHqcPNiQp_5diPxumzOklsSdE-MJ7zyU6kjch1Ee0UM'

describe('reading', () => {
  test.each([
    ['alone', `session=${token}`],
    ['among others', `a=1; session=${token}; b=2`],
    ['without spaces', `a=1;session=${token};b=2`],
    ['with white space around it', `a=1;  \tsession=${token} \t; b=2`],
    ['after empty pairs', `;;; ;session=${token}`],
    ['after a pair without a name', `=x; session=${token}`],
    ['after a word without a value', `session; other; session=${token}`],
    ['after names like it', `Session=x; session2=x; xsession=x; session=${token}`],
    ['after malformed pairs', `a="b; c=d=e; {"json":1}; \\; session=${token}`],
    ['twice', `session=${token}; session=${token}`],
    ['after an empty one', `session=; session=${token}`],
    ['before an empty one', `session=${token}; session=`],
    ['after malformed ones', `session=%00bad; session="a"; session=a b; session=${token}`],
    ['after one that is too long', `session=${token}x; session=${token}`],
    ['after 64 KB of malformed ones', `${'session=a b; '.repeat(5000)}session=${token}`],
    ['after a thousand others', `${'name=value; '.repeat(1000)}session=${token}`],
  ])('finds the cookie %s', (_where, header) => {
    expect(sessionTokens({ cookie: header }, 'session')).toBe(token)
    expect(sessionTokens(new Headers({ cookie: header }), 'session')).toBe(token)
  })

  test.each([
    ['no header', undefined],
    ['an empty header', ''],
    ['one character', 's'],
    ['other cookies only', 'a=1; b=2'],
    ['a name in capitals', `SESSION=${token}`],
    ['the name alone', 'session'],
    ['an empty value', 'session='],
    ['a name that is part of another', `xsession=${token}; session2=${token}`],
    ['malformed values only', `session=; session=%00; session=${token}x`],
    ['separators only', ';=;=;;==;'],
    ['64 KB of another cookie', `a=${'x'.repeat(65_536)}`],
    ['64 KB of separators', ';'.repeat(65_536)],
    ['64 KB without a value', 'session;'.repeat(8192)],
  ])("gives '' for %s", (_what, cookie) => {
    const headers = cookie === undefined ? {} : { cookie }
    expect(sessionTokens(headers, 'session')).toBe('')
    expect(sessionTokens(new Headers(headers), 'session')).toBe('')
  })

  test.each([
    ['two', 'session=a; session=b', ['a', 'b']],
    ['with others in between', 'session=b; x=1; session=a; y=2', ['b', 'a']],
    ['each once', 'session=a; session=b; session=a; session=b', ['a', 'b']],
    ['four at most', 'abcdef'.replaceAll(/./g, 'session=$&; '), ['a', 'b', 'c', 'd']],
    ['the well-formed ones', 'session=a; session=; session=%; session=b', ['a', 'b']],
  ])('finds several cookies of one name, in their order: %s', (_which, cookie, tokens) => {
    expect(sessionTokens({ cookie }, 'session')).toEqual(tokens)
    expect(sessionTokens(new Headers({ cookie }), 'session')).toEqual(tokens)
    expect(new SessionManager().readSessionCookies({ cookie })).toEqual(tokens)
  })

  test.each([undefined, null, 'session=a', 5, { cookie: ['session=a'] }, { cookie: 5 }])(
    'finds none in headers that are none: %j',
    (headers) => {
      expect(sessionTokens(headers as never, 'session')).toBe('')
    },
  )

  test.each(['__proto__', 'constructor', 'toString'])(
    'knows no cookie named %s by itself',
    (name) => {
      expect(sessionTokens({ cookie: 'a=1' }, name)).toBe('')
      expect(sessionTokens({ cookie: `${name}=x` }, name)).toBe('x')
    },
  )

  test('no malformed token reaches the store, and none is an error', async () => {
    class UnaskedStore extends MemoryStore {
      override find(): never {
        throw new Error('the store was asked')
      }
    }
    const store = new UnaskedStore({ cleanupInterval: 0 })
    const manager = new SessionManager({ store })
    for (const value of [
      'a\0b',
      '%41',
      'ä',
      'сессия',
      '🍪',
      '"a"',
      `${token}x`,
      'x'.repeat(65_536),
    ]) {
      expect(manager.readSessionCookies({ cookie: `session=${value}` })).toEqual([])
      const ctx = await manager.load(background(), value)
      expect(manager.token(ctx)).toBe('')
      expect(manager.status(ctx)).toBe('unmodified')
    }
    await expect(manager.load(background(), token)).rejects.toThrow('the store was asked')
  })

  const anyHeader = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc
      .array(
        fc.constantFrom(
          'session',
          '=',
          ';',
          ' ',
          '"',
          '%',
          '%00',
          '\\',
          '\0',
          'a',
          ',',
          '__proto__',
        ),
      )
      .map((parts) => parts.join('')),
  )

  test('nothing throws, whatever the bytes of the Cookie header', async () => {
    const manager = new SessionManager({ store: new MemoryStore({ cleanupInterval: 0 }) })
    await fc.assert(
      fc.asyncProperty(anyHeader, async (cookie) => {
        const read = manager.readSessionCookies({ cookie })
        const ctx = await manager.load(background(), read)
        expect(manager.token(ctx)).toBe('')
      }),
      { numRuns: 500 },
    )
  })

  test('the cookie is found, whatever comes after it', () => {
    fc.assert(
      fc.property(anyHeader, (rest) => {
        const read = sessionTokens({ cookie: `session=${token};${rest}` }, 'session')
        expect([read].flat()[0]).toBe(token)
      }),
      { numRuns: 300 },
    )
  })
})

describe('writing', () => {
  const now = Date.parse('2026-12-01T10:00:00.250Z')
  const inAnHour = new Date(now + 3_600_000)

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now })
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  /** The line of a cookie that ends with the browser: its attributes alone. */
  const lineOf = (options: SessionCookieOptions): string =>
    new CookieWriter(checkedCookie(options)).line(token, inAnHour, false)

  /** What makes the line of the default cookie end. */
  const lifespanOf = (expiry: Date | undefined, persistent = true): string => {
    const line = new CookieWriter(checkedCookie({})).line(token, expiry, persistent)
    const start = `session=${token}; Path=/; HttpOnly; SameSite=Lax`
    expect(line.startsWith(start)).toBe(true)
    return line.slice(start.length)
  }

  describe('attributes', () => {
    test.each<[SessionCookieOptions, string]>([
      [{}, '; Path=/; HttpOnly; SameSite=Lax'],
      [{ path: '' }, '; HttpOnly; SameSite=Lax'],
      [{ path: '/app' }, '; Path=/app; HttpOnly; SameSite=Lax'],
      [{ domain: '' }, '; Path=/; HttpOnly; SameSite=Lax'],
      [{ domain: 'example.com' }, '; Domain=example.com; Path=/; HttpOnly; SameSite=Lax'],
      [{ domain: '.example.com' }, '; Domain=.example.com; Path=/; HttpOnly; SameSite=Lax'],
      [{ httpOnly: false }, '; Path=/; SameSite=Lax'],
      [{ secure: true }, '; Path=/; HttpOnly; Secure; SameSite=Lax'],
      [{ sameSite: 'strict' }, '; Path=/; HttpOnly; SameSite=Strict'],
      [{ sameSite: 'none', secure: true }, '; Path=/; HttpOnly; Secure; SameSite=None'],
      [{ sameSite: false }, '; Path=/; HttpOnly'],
      [
        { partitioned: true, secure: true },
        '; Path=/; HttpOnly; Secure; Partitioned; SameSite=Lax',
      ],
      [{ priority: 'low' }, '; Path=/; HttpOnly; Priority=Low; SameSite=Lax'],
      [{ priority: 'medium' }, '; Path=/; HttpOnly; Priority=Medium; SameSite=Lax'],
      [{ priority: 'high' }, '; Path=/; HttpOnly; Priority=High; SameSite=Lax'],
      [
        {
          domain: 'example.com',
          path: '/app',
          httpOnly: true,
          secure: true,
          sameSite: 'none',
          partitioned: true,
          priority: 'high',
        },
        '; Domain=example.com; Path=/app; HttpOnly; Secure; Partitioned; Priority=High; SameSite=None',
      ],
      [{ path: '', httpOnly: false, sameSite: false }, ''],
    ])('%j', (options, attributes) => {
      expect(lineOf(options)).toBe(`session=${token}${attributes}`)
    })

    test('each combination of the flags has those attributes and no others', () => {
      const flags = fc.record({
        httpOnly: fc.boolean(),
        secure: fc.boolean(),
        partitioned: fc.boolean(),
        sameSite: fc.constantFrom(...(['lax', 'strict', 'none', false] as const)),
        path: fc.constantFrom('', '/', '/app'),
        priority: fc.constantFrom('low', 'medium', 'high', undefined),
      })
      fc.assert(
        fc.property(flags, (options) => {
          fc.pre(options.secure || !(options.partitioned || options.sameSite === 'none'))
          const attributes = lineOf(options).split('; ').slice(1)
          const expected = [
            ...(options.path ? [`Path=${options.path}`] : []),
            ...(options.httpOnly ? ['HttpOnly'] : []),
            ...(options.secure ? ['Secure'] : []),
            ...(options.partitioned ? ['Partitioned'] : []),
            ...(options.priority ? [`Priority=${options.priority}`] : []),
            ...(options.sameSite ? [`SameSite=${options.sameSite}`] : []),
          ]
          expect(attributes.map((text) => text.toLowerCase())).toEqual(
            expected.map((text) => text.toLowerCase()),
          )
        }),
        { numRuns: 200 },
      )
    })

    test.each([
      'sid',
      '__Host-session',
      '__Secure-session',
      '__Http-a',
      '__Host-Http-a',
      'a'.repeat(1024),
      '!#$%&*+-.^_`|~',
    ])('the name may be %s', (name) => {
      expect(lineOf({ name, secure: true })).toBe(
        `${name}=${token}; Path=/; HttpOnly; Secure; SameSite=Lax`,
      )
    })

    test('a value that is no token is escaped, not sent as it is', () => {
      const writer = new CookieWriter(checkedCookie({}))
      expect(writer.line('a; Domain=evil.example', inAnHour, false)).toBe(
        'session=a%3B%20Domain%3Devil.example; Path=/; HttpOnly; SameSite=Lax',
      )
      expect(writer.line('a\r\nb\0ä', inAnHour, false)).toMatch(/^session=[!-~]*; Path/)
    })
  })

  describe('lifespan', () => {
    const at = (milliseconds: number) => new Date(now + milliseconds)

    test('a cookie that ends with the browser has neither Max-Age nor Expires', () => {
      expect(lifespanOf(inAnHour, false)).toBe('')
    })

    test('both are rounded up: the cookie never ends before the session', () => {
      const at11 = (seconds: string) => `Expires=Tue, 01 Dec 2026 11:00:${seconds} GMT`
      expect(lifespanOf(at(3_599_749))).toBe(`; Max-Age=3600; ${at11('00')}`)
      expect(lifespanOf(at(3_599_750))).toBe(`; Max-Age=3600; ${at11('01')}`)
      expect(lifespanOf(at(3_600_000))).toBe(`; Max-Age=3600; ${at11('01')}`)
      expect(lifespanOf(at(3_600_001))).toBe(`; Max-Age=3601; ${at11('01')}`)
      expect(lifespanOf(at(3_601_000))).toBe(`; Max-Age=3601; ${at11('02')}`)
      expect(lifespanOf(at(1))).toBe('; Max-Age=1; Expires=Tue, 01 Dec 2026 10:00:01 GMT')
    })

    test('without an expiry, or at the zero time of Go, the cookie is deleted', () => {
      const deleting = '; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:01 GMT'
      for (const persistent of [true, false]) {
        expect(lifespanOf(undefined, persistent)).toBe(deleting)
        expect(lifespanOf(new Date('0001-01-01T00:00:00Z'), persistent)).toBe(deleting)
      }
      expect(lifespanOf(new Date('0001-01-01T00:00:00.001Z'))).toBe('; Max-Age=0')
    })

    // SCS leaves Max-Age out when what is left rounds to zero.
    test('an expiry that is just over has no Max-Age, one further back has zero', () => {
      expect(lifespanOf(at(0))).toBe('; Expires=Tue, 01 Dec 2026 10:00:01 GMT')
      expect(lifespanOf(at(-1))).toBe('; Expires=Tue, 01 Dec 2026 10:00:01 GMT')
      expect(lifespanOf(at(-1999))).toBe('; Expires=Tue, 01 Dec 2026 09:59:59 GMT')
      expect(lifespanOf(at(-2000))).toBe('; Max-Age=0; Expires=Tue, 01 Dec 2026 09:59:59 GMT')
      expect(lifespanOf(new Date(0))).toBe('; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:01 GMT')
    })

    test('Max-Age is the true value, also after 2038 and 292 years from now', () => {
      expect(lifespanOf(new Date('2040-01-01T00:00:00.250Z'))).toBe(
        '; Max-Age=412869600; Expires=Sun, 01 Jan 2040 00:00:01 GMT',
      )
      expect(lifespanOf(new Date('9000-01-01T00:00:00.250Z'))).toBe(
        `; Max-Age=${(Date.UTC(9000, 0, 1, 0, 0, 0, 250) - now) / 1000}; Expires=Wed, 01 Jan 9000 00:00:01 GMT`,
      )
    })

    test('Expires ends with the year 9999, and begins with 1601', () => {
      const last = '; Expires=Fri, 31 Dec 9999 23:59:59 GMT'
      expect(lifespanOf(new Date('9999-12-31T23:59:59.999Z')).endsWith(last)).toBe(true)
      expect(lifespanOf(new Date('+275760-09-13T00:00:00Z'))).toBe(
        `; Max-Age=${Math.ceil((8.64e15 - now) / 1000)}${last}`,
      )
      expect(lifespanOf(new Date('1601-01-01T00:00:00Z'))).toBe(
        '; Max-Age=0; Expires=Mon, 01 Jan 1601 00:00:01 GMT',
      )
      expect(lifespanOf(new Date('1600-12-31T23:59:58Z'))).toBe('; Max-Age=0')
    })

    test('an invalid Date is a TypeError', () => {
      expect(() => lifespanOf(new Date(Number.NaN))).toThrow(TypeError)
      expect(() => lifespanOf(new Date(Number.NaN), false)).toThrow(TypeError)
    })
  })

  describe('to a response', () => {
    const nodeResponse = () => new ServerResponse(new IncomingMessage(new Socket()))

    test('cookies that are there already stay', () => {
      const res = nodeResponse()
      res.setHeader('Set-Cookie', 'theme=dark')
      addCookie(res, 'session=x')
      addCookie(res, 'other=y')
      expect(res.getHeader('set-cookie')).toEqual(['theme=dark', 'session=x', 'other=y'])
      const headers = new Headers({ 'Set-Cookie': 'theme=dark' })
      addCookie(headers, 'session=x')
      expect(headers.getSetCookie()).toEqual(['theme=dark', 'session=x'])
    })

    /** What is left beside the session cookie, and what onError has heard, when a manager adds its cookie to these lines. */
    async function added(
      lines: string[],
      cookie: SessionCookieOptions = {},
      url = '/a/b?c',
    ): Promise<{ kept: string[]; heard: unknown[] }> {
      const heard: unknown[] = []
      const store = new MemoryStore({ cleanupInterval: 0 })
      const manager = new SessionManager({ store, cookie, onError: (error) => heard.push(error) })
      const ctx = await manager.load(background(), undefined)
      const req = new IncomingMessage(new Socket())
      req.url = url
      const res = new ServerResponse(req)
      if (lines.length > 0) res.setHeader('Set-Cookie', lines)
      manager.writeSessionCookie(ctx, res, token, inAnHour)
      const all = [res.getHeader('Set-Cookie') ?? []].flat().map(String)
      expect(all.pop()).toContain(`=${token}`)
      return { kept: all, heard }
    }

    test.each<[string, SessionCookieOptions, string]>([
      ['session=x; Path=/', {}, '/a/b'],
      ['session=; Path=/; Max-Age=0', {}, '/a/b'],
      [' session = x ;PATH = / ; Secure', {}, '/a/b'],
      ['session=x; Path=/app; Path=/', {}, '/a/b'],
      ['session=x', {}, '/a'],
      ['session=x; Path', {}, '/a?b=/c/d'],
      ['session=x; Path=nowhere', {}, '/'],
      ['session=x; Path=/a', { path: '' }, '/a/b?c'],
      ['session=x', { path: '' }, '/a/b'],
      ['session=x; Domain=.Example.COM; Path=/', { domain: 'example.com' }, '/'],
      ['session=x; Domain=example.com; Path=/', { domain: '.EXAMPLE.com' }, '/'],
      ['session=x; Path=/; Domain=', {}, '/'],
    ])(
      "a line of the application for the same cookie is dropped: '%s', %j, %s",
      async (line, cookie, url) => {
        const { kept, heard } = await added(['theme=dark', line], cookie, url)
        expect(kept).toEqual(['theme=dark'])
        expect(heard).toEqual([
          new TypeError(
            "a Set-Cookie line for 'session' that this session manager did not write, with the domain and path of the session cookie, was dropped: give that cookie another name",
          ),
        ])
      },
    )

    test.each<[string, SessionCookieOptions]>([
      ['session=; Path=/app; Max-Age=0', {}],
      ['session=; Domain=example.com; Path=/; Max-Age=0', {}],
      ['session=; Path=/; Max-Age=0', { domain: 'example.com' }],
      ['session=; Domain=www.example.com; Path=/', { domain: 'example.com' }],
      ['session=x', {}],
      ['Session=x; Path=/', {}],
      ['session2=x; Path=/', {}],
      ['session; Path=/', {}],
      ['x=session=; Path=/', {}],
      ['session=; Path=/; Max-Age=0', { partitioned: true, secure: true }],
    ])("a line for another cookie stays: '%s', %j", async (line, cookie) => {
      expect(await added([line], cookie)).toEqual({ kept: [line], heard: [] })
    })

    test.each([
      'session=x; Path=/; HttpOnly; SameSite=Lax',
      `session=${'a'.repeat(43)}; Path=/; HttpOnly; SameSite=Lax; Max-Age=60`,
      `session=${token}; Path=/; SameSite=Lax`,
      `session=${token}; Path=/`,
      'session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:01 GMT',
    ])(
      "a line with exactly the attributes of the manager's own is not taken for it: '%s'",
      async (line) => {
        const { kept, heard } = await added([line])
        expect([kept, heard]).toEqual([[], [expect.any(TypeError)]])
      },
    )

    test('a line of another manager, in a context beside this one, is dropped and reported', async () => {
      const heard: unknown[] = []
      const store = new MemoryStore({ cleanupInterval: 0 })
      const res = nodeResponse()
      for (let n = 0; n < 2; n++) {
        const manager = new SessionManager({ store, onError: (error) => heard.push(error) })
        const ctx = await manager.load(background(), undefined)
        manager.put(ctx, 'n', n)
        await manager.commitAndWriteSessionCookie(ctx, res)
      }
      expect([res.getHeader('Set-Cookie')].flat()).toHaveLength(1)
      expect(heard).toEqual([expect.any(TypeError)])
    })

    test.each([false, true])(
      'a cookie that the handler had the manager write goes without a word, renewed after it: %s',
      async (isRenewed) => {
        const heard: unknown[] = []
        const store = new MemoryStore({ cleanupInterval: 0 })
        const manager = new SessionManager({ store, onError: (error) => heard.push(error) })
        const ctx = await manager.load(background(), undefined)
        manager.put(ctx, 'a', 1)
        const committed = await manager.commit(ctx)
        const res = nodeResponse()
        manager.writeSessionCookie(ctx, res, committed?.token ?? '', committed?.expiry)
        if (isRenewed) await manager.renewToken(ctx)
        await manager.commitAndWriteSessionCookie(ctx, res)
        expect([res.getHeader('Set-Cookie')].flat()).toEqual([
          expect.stringMatching(`^session=${manager.token(ctx)};`),
        ])
        expect(heard).toEqual([])
      },
    )

    test('Headers without getSetCookie get the cookie beside what is there', async () => {
      const manager = new SessionManager({ store: new MemoryStore({ cleanupInterval: 0 }) })
      const headers = new Headers({ 'Set-Cookie': 'a=b' })
      Object.defineProperty(headers, 'getSetCookie', { value: undefined })
      manager.writeSessionCookie(
        await manager.load(background(), undefined),
        headers,
        token,
        inAnHour,
      )
      expect(headers.get('Set-Cookie')).toMatch(`a=b, session=${token};`)
    })

    test("a line for the same cookie is dropped from Headers, and the manager's own without a word", async () => {
      const heard: unknown[] = []
      const store = new MemoryStore({ cleanupInterval: 0 })
      const manager = new SessionManager({ store, onError: (error) => heard.push(error) })
      const ctx = await manager.load(background(), undefined)
      for (const to of [new Headers(), nodeResponse()]) {
        manager.writeSessionCookie(ctx, to, token, inAnHour)
        manager.writeSessionCookie(ctx, to, generateToken(), new Date(now + 7_200_000))
        manager.writeSessionCookie(ctx, to, '', undefined)
        const lines = to instanceof Headers ? to.getSetCookie() : [to.getHeader('Set-Cookie')]
        expect(lines).toEqual([expect.stringMatching(/^session=;.*Max-Age=0/)])
      }
      expect(heard).toEqual([])
      const headers = new Headers([
        ['Set-Cookie', 'session=x; Path=/'],
        ['Set-Cookie', 'a=b'],
      ])
      manager.writeSessionCookie(ctx, headers, token, inAnHour)
      expect(headers.getSetCookie()).toEqual(['a=b', expect.stringContaining(token)])
      expect(heard).toHaveLength(1)
    })

    test('the response is kept out of shared caches', () => {
      const res = nodeResponse()
      addCookie(res, 'session=x')
      expect(res.getHeader('Cache-Control')).toBe('no-cache="Set-Cookie"')
      const headers = new Headers()
      addCookie(headers, 'session=x')
      expect(headers.get('Cache-Control')).toBe('no-cache="Set-Cookie"')
    })

    test("the handler's Cache-Control becomes private", () => {
      const res = nodeResponse()
      res.setHeader('Cache-Control', 'public, max-age=60')
      addCookie(res, 'session=x')
      expect(res.getHeader('Cache-Control')).toEqual([
        'private, max-age=60',
        'no-cache="Set-Cookie"',
      ])
      const headers = new Headers({ 'Cache-Control': 'public, max-age=60' })
      addCookie(headers, 'session=x')
      expect(headers.get('Cache-Control')).toBe('private, max-age=60, no-cache="Set-Cookie"')
    })
  })
})

describe('settings', () => {
  test('have the defaults of SCS', () => {
    expect(checkedCookie({})).toEqual({
      name: 'session',
      path: '/',
      httpOnly: true,
      secure: false,
      sameSite: 'lax',
      partitioned: false,
      persist: true,
    })
  })

  test('undefined is the default', () => {
    const nothing = {
      name: undefined,
      domain: undefined,
      path: undefined,
      httpOnly: undefined,
      secure: undefined,
      sameSite: undefined,
      partitioned: undefined,
      priority: undefined,
      persist: undefined,
    }
    expect(checkedCookie(nothing)).toEqual(checkedCookie({}))
  })

  test.each([{ domain: '' }, { domain: false }, { priority: '' }, { priority: false }])(
    'an optional attribute that is empty is left out: %j',
    (options) => {
      expect(checkedCookie(options as SessionCookieOptions)).toEqual(checkedCookie({}))
    },
  )

  test('are a frozen copy', () => {
    const options: SessionCookieOptions = { name: 'sid' }
    const cookie = checkedCookie(options)
    options.name = 'changed'
    expect(cookie.name).toBe('sid')
    expect(Object.isFrozen(cookie)).toBe(true)
  })

  test.each<[string, unknown, string]>([
    ['settings that are no object', 'secure', 'cookie must be an object of settings'],
    ['null', null, 'cookie must be an object of settings'],
    ['an empty name', { name: '' }, 'cookie.name must be an RFC 6265 token'],
    ['a name with a space', { name: 'a b' }, 'cookie.name must be an RFC 6265 token'],
    ['a name with a semicolon', { name: 'a;b' }, 'cookie.name must be an RFC 6265 token'],
    ['a name with an equals sign', { name: 'a=b' }, 'cookie.name must be an RFC 6265 token'],
    ['a name with a line break', { name: 'a\nb' }, 'cookie.name must be an RFC 6265 token'],
    ['a name with a NUL', { name: 'a\0' }, 'cookie.name must be an RFC 6265 token'],
    ['a name of another alphabet', { name: 'имя' }, 'cookie.name must be an RFC 6265 token'],
    ['a name with a comma', { name: 'a,b' }, 'cookie.name must be an RFC 6265 token'],
    ['a name with quotes', { name: '"a"' }, 'cookie.name must be an RFC 6265 token'],
    ['a name with a colon', { name: 'a:b' }, 'cookie.name must be an RFC 6265 token'],
    ['a name with brackets', { name: 'a[b]' }, 'cookie.name must be an RFC 6265 token'],
    ['a name that is no string', { name: 5 }, 'cookie.name must be a string'],
    ['a domain with a space', { domain: 'a b' }, 'cookie.domain must be a domain name'],
    ['a domain with a port', { domain: 'a.b:80' }, 'cookie.domain must be a domain name'],
    ['a URL as the domain', { domain: 'https://a.b' }, 'cookie.domain must be a domain name'],
    ['a domain that ends with a dot', { domain: 'a.b.' }, 'cookie.domain must be a domain name'],
    ['a domain with attributes', { domain: 'a.b; Secure' }, 'cookie.domain must be a domain name'],
    ['an umlaut domain', { domain: 'bücher.example' }, 'cookie.domain must be a domain name'],
    ['a domain that is no string', { domain: 5 }, 'cookie.domain must be a string'],
    ['a path with a semicolon', { path: '/; Secure' }, 'cookie.path must be a cookie path'],
    ['a path with a line break', { path: '/\r\n' }, 'cookie.path must be a cookie path'],
    ['a path with an umlaut', { path: '/ä' }, 'cookie.path must be a cookie path'],
    ['a path that is no string', { path: ['/'] }, 'cookie.path must be a string'],
    [
      'a path without a slash',
      { path: 'app' },
      "cookie.path must begin with '/', or be '' for none: browsers ignore any other",
    ],
    [
      'a path that begins with a blank',
      { path: ' /' },
      "cookie.path must begin with '/', or be '' for none: browsers ignore any other",
    ],
    [
      'a path of 1,025 bytes',
      { path: `/${'a'.repeat(1024)}` },
      'cookie.path must be at most 1,024 bytes long: browsers ignore a longer one',
    ],
    [
      'a name of 1,025 bytes',
      { name: 'a'.repeat(1025) },
      'cookie.name must be at most 1,024 bytes long: browsers ignore a longer one',
    ],
    [
      'a domain of 1,025 bytes',
      { domain: `${'a.'.repeat(512)}a` },
      'cookie.domain must be at most 1,024 bytes long: browsers ignore a longer one',
    ],
    [
      '__Http- without secure',
      { name: '__Http-a' },
      'cookie.secure must be true: browsers refuse a name with this prefix without it',
    ],
    [
      '__http- without httpOnly',
      { name: '__http-a', secure: true, httpOnly: false },
      'cookie.httpOnly must be true: browsers refuse a name with this prefix without it',
    ],
    [
      '__Host-Http- without secure',
      { name: '__Host-Http-a' },
      'cookie.secure must be true: browsers refuse a name with this prefix without it',
    ],
    [
      '__HOST-HTTP- without httpOnly',
      { name: '__HOST-HTTP-a', secure: true, httpOnly: false },
      'cookie.httpOnly must be true: browsers refuse a name with this prefix without it',
    ],
    [
      '__Host-Http- with another path',
      { name: '__Host-Http-a', secure: true, path: '/a' },
      "cookie.path must be '/': the name begins with __Host-",
    ],
    ['httpOnly as a string', { httpOnly: 'false' }, 'cookie.httpOnly must be true or false'],
    ['secure as a number', { secure: 1 }, 'cookie.secure must be true or false'],
    ["secure: 'auto'", { secure: 'auto' }, 'cookie.secure must be true or false'],
    ['partitioned as a number', { partitioned: 0 }, 'cookie.partitioned must be true or false'],
    ['persist as a string', { persist: 'yes' }, 'cookie.persist must be true or false'],
    [
      'sameSite in capitals',
      { sameSite: 'Lax' },
      "cookie.sameSite must be 'lax', 'strict', 'none' or false",
    ],
    [
      'sameSite: true',
      { sameSite: true },
      "cookie.sameSite must be 'lax', 'strict', 'none' or false",
    ],
    [
      'an unknown priority',
      { priority: 'urgent' },
      "cookie.priority must be 'low', 'medium' or 'high'",
    ],
    [
      '__Host- without secure',
      { name: '__Host-session' },
      'cookie.secure must be true: browsers refuse a name with this prefix without it',
    ],
    [
      '__secure- without secure, whatever the case',
      { name: '__sEcUrE-session' },
      'cookie.secure must be true: browsers refuse a name with this prefix without it',
    ],
    [
      '__Host- with a domain',
      { name: '__Host-session', secure: true, domain: 'example.com' },
      'cookie.domain must be left out: the name begins with __Host-',
    ],
    [
      '__Host- with another path',
      { name: '__host-session', secure: true, path: '/app' },
      "cookie.path must be '/': the name begins with __Host-",
    ],
    [
      '__Host- without a path',
      { name: '__Host-session', secure: true, path: '' },
      "cookie.path must be '/': the name begins with __Host-",
    ],
    [
      "sameSite 'none' without secure",
      { sameSite: 'none' },
      "cookie.secure must be true: browsers refuse sameSite 'none' without it",
    ],
    [
      'partitioned without secure',
      { partitioned: true },
      'cookie.secure must be true: browsers refuse a partitioned cookie without it',
    ],
  ])('%s is a TypeError that names the option', (_what, cookie, message) => {
    expect(() => new SessionManager({ cookie: cookie as object })).toThrow(new TypeError(message))
  })

  test('what a writer writes, a reader reads', () => {
    for (const name of ['session', '__proto__', 'a.b', '!#$%&*+-.^_`|~']) {
      const value = generateToken()
      const line = new CookieWriter(checkedCookie({ name })).line(value, undefined, false)
      expect(sessionTokens({ cookie: line.split(';')[0] ?? '' }, name)).toBe(value)
    }
  })
})
