import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  createServer as createHttp2Server,
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { describe, expectTypeOf, test } from 'vitest'
import {
  type AnySessionManager,
  type AtomicStore,
  type Awaitable,
  background,
  beforeHeaders,
  bindContext,
  type Codec,
  type Context,
  type ContextKey,
  type CtxStore,
  contextKey,
  contextOf,
  hour,
  type IterableStore,
  JsonCodec,
  MemoryStore,
  type MemoryStoreOptions,
  minute,
  type RequestListener,
  type ScannableStore,
  type SessionCookieOptions,
  SessionError,
  type SessionErrorCode,
  SessionManager,
  type SessionManagerOptions,
  type SessionStore,
  type SessionValues,
  type Status,
  type Store,
  withSignal,
  withValue,
} from '../src/index.ts'

// Nothing in this file runs: it is what compiles, and, where `@ts-expect-error` stands, what must not.

const ctx = background()

describe('servers', () => {
  const manager = new SessionManager()

  test('one for http and https', () => {
    const handler = manager.loadAndSave((req, res) => {
      expectTypeOf(req).toEqualTypeOf<IncomingMessage>()
      expectTypeOf(res).toEqualTypeOf<ServerResponse>()
      res.end(manager.getString(contextOf(req), 'message'))
    })
    expectTypeOf(handler).toEqualTypeOf<RequestListener>()
    createServer(handler).listen(4000)
    createHttpsServer({}, handler)
    createServer().on('request', handler)
  })

  test('an asynchronous handler', () => {
    createServer(
      manager.loadAndSave(async (req, res) => {
        await manager.renewToken(contextOf(req))
        manager.put(contextOf(req), 'userID', 42)
        res.end()
      }),
    )
  })

  test('one for http2, also with a handler that knows only http2', () => {
    createHttp2Server(manager.loadAndSave((req, res) => void res.end(req.url)))
    createSecureServer(
      { allowHTTP1: true },
      manager.loadAndSave((_req, res) => void res.end()),
    )
    const handler = manager.loadAndSave((req: Http2ServerRequest, res: Http2ServerResponse) => {
      req.stream.setTimeout(1000)
      res.stream.respond({ ':status': 200 })
    })
    createHttp2Server(handler)
    // @ts-expect-error: its handler cannot serve http
    createServer(handler)
  })

  test('a handler must take what a server gives', () => {
    // @ts-expect-error: no server gives a number
    manager.loadAndSave((_req: number, res: ServerResponse) => res.end())
    // @ts-expect-error: loadAndSave calls nobody's next
    manager.loadAndSave((_req: IncomingMessage, _res: ServerResponse, next: () => void) => next())
    // @ts-expect-error: a handler is a function
    manager.loadAndSave()
  })

  test('app.use of Express and its kin', () => {
    interface AppRequest extends IncomingMessage {
      readonly params: Record<string, string>
    }
    interface AppResponse extends ServerResponse {
      json(body: unknown): this
    }
    type Middleware = (
      req: AppRequest,
      res: AppResponse,
      next: (error?: unknown) => void,
    ) => unknown
    const use = (_middleware: Middleware): void => undefined

    use((req, res, next) => manager.loadAndSave(() => next())(req, res))
    use((req, res) => {
      const ctx = contextOf(req)
      manager.put(ctx, 'visits', manager.getInt(ctx, 'visits') + 1)
      res.json({ visits: manager.getInt(ctx, 'visits') })
    })
    use(async (req, _res, next) => {
      await manager.destroy(contextOf(req))
      next()
    })
  })

  test('several managers around one handler', () => {
    const users = new SessionManager<{ userID: number }>({ cookie: { name: 'user' } })
    const admins = new SessionManager<{ adminID: string }>({ cookie: { name: 'admin' } })
    const handler = (req: IncomingMessage, res: ServerResponse) => {
      const ctx = contextOf(req)
      expectTypeOf(users.get(ctx, 'userID')).toEqualTypeOf<number | undefined>()
      expectTypeOf(admins.get(ctx, 'adminID')).toEqualTypeOf<string | undefined>()
      res.end()
    }
    createServer(users.loadAndSave(admins.loadAndSave(handler)))
  })

  test('a WebSocket upgrade reads the session', () => {
    createServer().on('upgrade', async (req, socket) => {
      const ctx = await manager.load(contextOf(req), manager.readSessionCookies(req.headers))
      if (!manager.exists(ctx, 'userID')) socket.destroy()
    })
  })

  test('fetch-style handlers, with Headers', () => {
    const handle = async (request: Request): Promise<Response> => {
      const ctx = await manager.load(
        withSignal(background(), request.signal),
        manager.readSessionCookies(request.headers),
      )
      manager.put(ctx, 'visits', manager.getInt(ctx, 'visits') + 1)
      const headers = new Headers()
      if (manager.status(ctx) === 'modified') {
        const committed = await manager.commit(ctx)
        expectTypeOf(committed).toEqualTypeOf<
          { token: string; storeToken: string; expiry: Date } | undefined
        >()
        if (committed) manager.writeSessionCookie(ctx, headers, committed.token, committed.expiry)
      } else if (manager.status(ctx) === 'destroyed') {
        manager.writeSessionCookie(ctx, headers, '', undefined)
      }
      return new Response('hello', { headers })
    }
    expectTypeOf(handle).returns.resolves.toEqualTypeOf<Response>()
  })

  test('middleware of one’s own: the token in a header', () => {
    createServer(async (req, res) => {
      const header = req.headers['x-session']
      const ctx = await manager.load(
        contextOf(req),
        typeof header === 'string' ? header : undefined,
      )
      bindContext(req, ctx)
      beforeHeaders(
        res,
        async () => {
          const committed = await manager.commit(ctx)
          if (committed) res.setHeader('X-Session', committed.token)
        },
        (error) => {
          expectTypeOf(error).toEqualTypeOf<unknown>()
          res.statusCode = 500
        },
      )
    })
    createHttp2Server((_req, res) =>
      beforeHeaders(
        res,
        () => undefined,
        () => undefined,
      ),
    )
  })

  test('what carries a context, in any framework', () => {
    class AppContext {}
    bindContext(new AppContext(), ctx)
    expectTypeOf(contextOf(new AppContext())).toEqualTypeOf<Context>()
    // @ts-expect-error: a string carries nothing
    contextOf('request')
  })
})

describe('values', () => {
  test('an untyped manager has every key; what is under it is unknown', () => {
    const manager = new SessionManager()
    expectTypeOf(manager).toEqualTypeOf<SessionManager<Record<string, unknown>>>()
    manager.put(ctx, 'any key', { of: ['any', 'kind'] })
    expectTypeOf(manager.get(ctx, 'key')).toEqualTypeOf<unknown>()
    expectTypeOf(manager.pop(ctx, 'key')).toEqualTypeOf<unknown>()
    expectTypeOf(manager.keys(ctx)).toEqualTypeOf<string[]>()
    expectTypeOf(manager.getString(ctx, 'key')).toEqualTypeOf<string>()
    expectTypeOf(manager.getBool(ctx, 'key')).toEqualTypeOf<boolean>()
    expectTypeOf(manager.getInt(ctx, 'key')).toEqualTypeOf<number>()
    expectTypeOf(manager.getInt32(ctx, 'key')).toEqualTypeOf<number>()
    expectTypeOf(manager.getInt64(ctx, 'key')).toEqualTypeOf<bigint>()
    expectTypeOf(manager.getFloat(ctx, 'key')).toEqualTypeOf<number>()
    expectTypeOf(manager.getBytes(ctx, 'key')).toEqualTypeOf<Uint8Array | undefined>()
    expectTypeOf(manager.getTime(ctx, 'key')).toEqualTypeOf<Date | undefined>()
    expectTypeOf(manager.popString(ctx, 'key')).toEqualTypeOf<string>()
    expectTypeOf(manager.popBool(ctx, 'key')).toEqualTypeOf<boolean>()
    expectTypeOf(manager.popInt(ctx, 'key')).toEqualTypeOf<number>()
    expectTypeOf(manager.popInt32(ctx, 'key')).toEqualTypeOf<number>()
    expectTypeOf(manager.popInt64(ctx, 'key')).toEqualTypeOf<bigint>()
    expectTypeOf(manager.popFloat(ctx, 'key')).toEqualTypeOf<number>()
    expectTypeOf(manager.popBytes(ctx, 'key')).toEqualTypeOf<Uint8Array | undefined>()
    expectTypeOf(manager.popTime(ctx, 'key')).toEqualTypeOf<Date | undefined>()
    // @ts-expect-error: a key is a string
    manager.put(ctx, 5, 'value')
    // @ts-expect-error: a key is a string
    manager.get(ctx, Symbol('key'))
    // @ts-expect-error: the value is missing
    manager.put(ctx, 'key')
    // @ts-expect-error: ctx comes first
    manager.get('key')
  })

  interface Values {
    userID: number
    name: string
    role: 'admin' | 'user'
    theme?: string
    since: Date
    avatar: Uint8Array
    balance: bigint
    verified: boolean
    either: string | number
    cart: { readonly id: string }[]
    anything: unknown
  }
  const manager = new SessionManager<Values>()

  test('a typed manager knows its keys and their types', () => {
    expectTypeOf(manager.get(ctx, 'userID')).toEqualTypeOf<number | undefined>()
    expectTypeOf(manager.pop(ctx, 'cart')).toEqualTypeOf<{ readonly id: string }[] | undefined>()
    expectTypeOf(manager.get(ctx, 'role')).toEqualTypeOf<'admin' | 'user' | undefined>()
    expectTypeOf(manager.keys(ctx)).toEqualTypeOf<(keyof Values)[]>()
    manager.put(ctx, 'userID', 42)
    manager.put(ctx, 'role', 'admin')
    manager.put(ctx, 'anything', () => undefined)
    manager.remove(ctx, 'theme')
    manager.exists(ctx, 'theme')
    // @ts-expect-error: of another type
    manager.put(ctx, 'userID', '42')
    // @ts-expect-error: none of the two
    manager.put(ctx, 'role', 'guest')
    // @ts-expect-error: no such key
    manager.put(ctx, 'userId', 42)
    // @ts-expect-error: no such key
    manager.get(ctx, 'userId')
    // @ts-expect-error: no such key
    manager.pop(ctx, 'userId')
    // @ts-expect-error: no such key
    manager.remove(ctx, 'userId')
    // @ts-expect-error: no such key
    manager.exists(ctx, 'userId')
  })

  test('typed getters take the keys of their type', () => {
    manager.getString(ctx, 'name')
    manager.getString(ctx, 'role')
    manager.getString(ctx, 'theme')
    manager.getString(ctx, 'either')
    manager.getInt(ctx, 'either')
    manager.getInt(ctx, 'userID')
    manager.getInt32(ctx, 'userID')
    manager.getFloat(ctx, 'userID')
    manager.getInt64(ctx, 'balance')
    manager.getBool(ctx, 'verified')
    manager.getBytes(ctx, 'avatar')
    manager.getTime(ctx, 'since')
    manager.popString(ctx, 'name')
    manager.popTime(ctx, 'since')
    manager.getString(ctx, 'anything')
    manager.getTime(ctx, 'anything')
    // @ts-expect-error: a number is no string
    manager.getString(ctx, 'userID')
    // @ts-expect-error: a string is no number
    manager.getInt(ctx, 'name')
    // @ts-expect-error: a bigint is no number
    manager.getInt(ctx, 'balance')
    // @ts-expect-error: a number is no bigint
    manager.getInt64(ctx, 'userID')
    // @ts-expect-error: a string is no boolean
    manager.getBool(ctx, 'name')
    // @ts-expect-error: a Date is no bytes
    manager.getBytes(ctx, 'since')
    // @ts-expect-error: a number is no Date
    manager.getTime(ctx, 'userID')
    // @ts-expect-error: a number is no string
    manager.popString(ctx, 'userID')
    // @ts-expect-error: no such key
    manager.getString(ctx, 'nickname')
  })

  test('the values of a session are an object type', () => {
    // @ts-expect-error: a number has no keys
    new SessionManager<number>()
  })

  test('whatever can be stored may be a value: interfaces, unions, recursive types', () => {
    type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
    interface Page {
      readonly title: string
      readonly parent: Page | undefined
      readonly pages: readonly Page[]
    }
    interface Values {
      text?: string
      branded: string & { readonly brand: 'id' }
      choice: 'a' | 'b'
      anything: unknown
      any: ReturnType<typeof JSON.parse>
      json: Json
      page: Page
      pair: [number, string]
      list: ReadonlyArray<{ sku: string; since?: Date }>
      map: Map<string, { a: bigint }>
      set: ReadonlySet<number>
      bytes: Buffer
      object: object
      record: Record<string, unknown>
    }
    const manager = new SessionManager<Values>()
    expectTypeOf(manager.get(ctx, 'page')).toEqualTypeOf<Page | undefined>()
    expectTypeOf(manager.get(ctx, 'json')).toEqualTypeOf<Json | undefined>()
    new SessionManager<Record<never, never>>()
  })

  test('what can never be stored is no value', () => {
    // @ts-expect-error: a function
    new SessionManager<{ f: () => void }>()
    // @ts-expect-error: a method
    new SessionManager<{ f(): void }>()
    // @ts-expect-error: an optional function
    new SessionManager<{ f?: (a: number) => string }>()
    // @ts-expect-error: a class
    new SessionManager<{ f: typeof Date }>()
    // @ts-expect-error: an abstract function type
    new SessionManager<{ f: CallableFunction }>()
    // @ts-expect-error: a function, or a string
    new SessionManager<{ f: string | (() => void) }>()
    // @ts-expect-error: a symbol
    new SessionManager<{ f: symbol }>()
    // @ts-expect-error: a promise
    new SessionManager<{ f: Promise<string> }>()
    // @ts-expect-error: an instance with methods
    new SessionManager<{ f: URL }>()
    // @ts-expect-error: an instance with methods
    new SessionManager<{ f: WeakMap<object, string> }>()
    // @ts-expect-error: in an object
    new SessionManager<{ a: { b: { f: () => void } } }>()
    // @ts-expect-error: in an array
    new SessionManager<{ a: { f: () => void }[] }>()
    // @ts-expect-error: in a tuple
    new SessionManager<{ a: [number, () => void] }>()
    // @ts-expect-error: in a Map
    new SessionManager<{ a: Map<string, () => void> }>()
    // @ts-expect-error: as the key of a Map
    new SessionManager<{ a: Map<() => void, string> }>()
    // @ts-expect-error: in a Set
    new SessionManager<{ a: Set<symbol> }>()
    // @ts-expect-error: the type alone, too
    const manager: SessionManager<{ f: () => void }> | undefined = undefined
    void manager
  })

  test('a subclass may have values of its own', () => {
    class Sessions<V extends SessionValues<V>> extends SessionManager<V> {}
    new Sessions<{ userID: number }>().getInt(ctx, 'userID')
    // @ts-expect-error: a function
    new Sessions<{ f: () => void }>()
  })
})

describe('helpers', () => {
  const visitors = new SessionManager<{ flash: string; visits: number }>()
  const staff = new SessionManager<{ adminID: string }>()
  const untyped = new SessionManager()

  test('for every manager take any, and may read what they like', () => {
    const signOut = (sessions: AnySessionManager, ctx: Context): Promise<void> =>
      sessions.destroy(ctx)
    const flash = (sessions: AnySessionManager, ctx: Context): string =>
      sessions.popString(ctx, 'flash')
    for (const helper of [signOut, flash]) {
      helper(visitors, ctx)
      helper(staff, ctx)
      helper(untyped, ctx)
    }
    const all: AnySessionManager[] = [visitors, staff, untyped]
    expectTypeOf(all[0]?.keys(ctx)).toEqualTypeOf<string[] | undefined>()
  })

  test('for some values take every manager that has them', () => {
    const flash = (sessions: AnySessionManager<{ flash: string }>, ctx: Context): string => {
      sessions.put(ctx, 'flash', 'hello')
      sessions.update(ctx, 'flash', (flash = '') => flash + flash)
      expectTypeOf(sessions.get(ctx, 'flash')).toEqualTypeOf<string | undefined>()
      expectTypeOf(sessions.keys(ctx)).toEqualTypeOf<string[]>()
      // @ts-expect-error: a number is no string
      sessions.put(ctx, 'flash', 1)
      // @ts-expect-error: a string is no number
      sessions.getInt(ctx, 'flash')
      // @ts-expect-error: not one of its values
      sessions.getInt(ctx, 'visits')
      return sessions.popString(ctx, 'flash')
    }
    flash(visitors, ctx)
    // @ts-expect-error: it has no flash
    flash(staff, ctx)
    // @ts-expect-error: what it has may be no string
    flash(untyped, ctx)
    // @ts-expect-error: its flash is no string
    flash(new SessionManager<{ flash: number }>(), ctx)
  })

  test('call each other', () => {
    const all = (sessions: AnySessionManager) => void sessions
    const flash = (sessions: AnySessionManager<{ flash: string }>) => all(sessions)
    const both = (sessions: AnySessionManager<{ flash: string; visits: number }>) => flash(sessions)
    both(visitors)
    const generic = <V extends SessionValues<V>>(sessions: SessionManager<V>) => all(sessions)
    generic(visitors)
  })

  test('the values of one manager are not those of another', () => {
    // @ts-expect-error: no adminID
    const other: SessionManager<{ adminID: string }> = visitors
    // @ts-expect-error: a manager of whatever values takes whatever keys
    const wider: SessionManager = visitors
    void [other, wider]
  })
})

describe('the manager', () => {
  const manager = new SessionManager({ idleTimeout: 20 * minute })

  test('tells status, token and deadline', () => {
    expectTypeOf(manager.status(ctx)).toEqualTypeOf<Status>()
    expectTypeOf<Status>().toEqualTypeOf<'unmodified' | 'modified' | 'destroyed' | 'revoked'>()
    expectTypeOf(manager.token(ctx)).toEqualTypeOf<string>()
    expectTypeOf(manager.deadline(ctx)).toEqualTypeOf<Date>()
    manager.setDeadline(ctx, new Date())
    // @ts-expect-error: a deadline is a Date
    manager.setDeadline(ctx, Date.now())
    manager.rememberMe(ctx, true)
    // @ts-expect-error: whether to remember must be said
    manager.rememberMe(ctx)
  })

  test('iterates with callbacks of both kinds', () => {
    void manager.iterate(ctx, (ctx) => manager.get(ctx, 'userID'))
    void manager.iterate(ctx, async (ctx) => {
      if (manager.getInt(ctx, 'userID') === 4) await manager.destroy(ctx)
    })
  })

  test('takes a token that may not be there', () => {
    expectTypeOf(manager.load(ctx, undefined)).resolves.toEqualTypeOf<Context>()
    void manager.mergeSession(ctx, undefined)
  })

  test('what was configured is readonly', () => {
    expectTypeOf(manager.idleTimeout).toEqualTypeOf<number | undefined>()
    expectTypeOf(manager.touchInterval).toEqualTypeOf<number>()
    expectTypeOf(manager.store).toEqualTypeOf<SessionStore>()
    // @ts-expect-error: settings do not change while serving
    manager.lifetime = hour
    // @ts-expect-error: settings do not change while serving
    manager.store = new MemoryStore()
    // @ts-expect-error: settings do not change while serving
    manager.cookie.secure = true
  })
})

describe('options', () => {
  test('every one also takes undefined', () => {
    const options: { [K in keyof SessionManagerOptions]-?: undefined } = {
      lifetime: undefined,
      idleTimeout: undefined,
      touchInterval: undefined,
      store: undefined,
      codec: undefined,
      cookie: undefined,
      maxSize: undefined,
      hashTokenInStore: undefined,
      unreadable: undefined,
      storeTimeout: undefined,
      errorFunc: undefined,
      onError: undefined,
    }
    new SessionManager(options)
    const cookie: { [K in keyof SessionCookieOptions]-?: undefined } = {
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
    new SessionManager({ cookie })
    const memory: { [K in keyof MemoryStoreOptions]-?: undefined } = { cleanupInterval: undefined }
    new MemoryStore(memory)
    new SessionManager(undefined)
    new MemoryStore(undefined)
  })

  test('those that come from elsewhere may be missing', () => {
    const { COOKIE_DOMAIN: domain } = process.env
    new SessionManager({ cookie: { domain, secure: process.env.NODE_ENV === 'production' } })
  })

  test('callbacks are given what they need, and may be asynchronous', () => {
    new SessionManager({
      errorFunc: async (req, res, error) => {
        expectTypeOf(req).toEqualTypeOf<IncomingMessage>()
        expectTypeOf(res).toEqualTypeOf<ServerResponse>()
        expectTypeOf(error).toEqualTypeOf<unknown>()
      },
      onError(error, ctx) {
        expectTypeOf(error).toEqualTypeOf<unknown>()
        expectTypeOf(ctx).toEqualTypeOf<Context>()
      },
    })
  })

  test('what is misspelt or of another type does not compile', () => {
    // @ts-expect-error: no such option
    new SessionManager({ lifeTime: hour })
    // @ts-expect-error: a duration is a number
    new SessionManager({ lifetime: '24h' })
    // @ts-expect-error: 'fresh' or 'fail'
    new SessionManager({ unreadable: 'ignore' })
    // @ts-expect-error: in lower case
    new SessionManager({ cookie: { sameSite: 'Lax' } })
    // @ts-expect-error: false omits it
    new SessionManager({ cookie: { sameSite: true } })
    // @ts-expect-error: no such priority
    new SessionManager({ cookie: { priority: 'urgent' } })
    // @ts-expect-error: no such attribute
    new SessionManager({ cookie: { maxAge: 1 } })
    // @ts-expect-error: a codec does both
    new SessionManager({ codec: { encode: () => new Uint8Array() } })
  })
})

describe('stores', () => {
  const bytes = new Uint8Array()
  const plain: Store = {
    find: async () => bytes,
    commit: async () => undefined,
    delete: async () => undefined,
  }
  const withCtx: CtxStore = {
    findCtx: () => undefined,
    commitCtx: () => undefined,
    deleteCtx: () => undefined,
  }
  const atomic: AtomicStore = {
    findWithExpiry: async () => undefined,
    touch: async () => true,
    swap: () => false,
  }

  test('a Store alone, a CtxStore alone, both', () => {
    new SessionManager({ store: plain })
    new SessionManager({ store: withCtx })
    new SessionManager({ store: { ...plain, ...withCtx } })
    new SessionManager({ store: new MemoryStore() })
  })

  test('a class that implements Store, synchronously', () => {
    class MapStore implements Store {
      readonly #rows = new Map<string, { data: Uint8Array; expiry: Date }>()
      find(token: string): Uint8Array | undefined {
        const row = this.#rows.get(token)
        return row && row.expiry.getTime() > Date.now() ? row.data : undefined
      }
      commit(token: string, data: Uint8Array, expiry: Date): void {
        this.#rows.set(token, { data, expiry })
      }
      delete(token: string): void {
        this.#rows.delete(token)
      }
    }
    new SessionManager({ store: new MapStore() })
  })

  test('a driver’s own answers need no conversion: Buffers, counts', () => {
    new SessionManager({
      store: {
        find: async (_token) => Buffer.from(''),
        commit: async (_token, _data, _expiry) => ({ rowCount: 1 }),
        delete: async (_token) => 1,
      },
    })
  })

  test('what else a store can do is welcome', () => {
    const iterable: IterableStore = { all: async () => new Map() }
    const scannable: ScannableStore = {
      async *scan() {
        yield ['token', bytes] as const
      },
    }
    new SessionManager({ store: { ...plain, ...iterable } })
    new SessionManager({ store: { ...withCtx, allCtx: async () => new Map() } })
    new SessionManager({ store: { ...plain, ...scannable, ...atomic } })
    new SessionManager({ store: { ...withCtx, ...atomic } })
    new SessionManager({ store: { ...plain, touch: undefined } })
    class ClosingStore extends MemoryStore {
      close(): void {}
    }
    new SessionManager({ store: new ClosingStore() })
  })

  test('half a store does not compile', () => {
    const { find, commit, delete: remove } = plain
    const { findCtx, commitCtx, deleteCtx } = withCtx
    // @ts-expect-error: delete is missing
    new SessionManager({ store: { find, commit } })
    // @ts-expect-error: find is missing
    new SessionManager({ store: { commit, delete: remove } })
    // @ts-expect-error: commitCtx is missing
    new SessionManager({ store: { findCtx, deleteCtx } })
    // @ts-expect-error: half a Store and half a CtxStore
    new SessionManager({ store: { find, commitCtx, deleteCtx } })
    // @ts-expect-error: not a store at all
    new SessionManager({ store: {} })
    // @ts-expect-error: not a store at all
    new SessionManager({ store: new Map<string, Uint8Array>() })
  })

  test('some of the atomic methods do not compile', () => {
    const { findWithExpiry, touch, swap } = atomic
    // @ts-expect-error: the other two are missing
    new SessionManager({ store: { ...plain, touch } })
    // @ts-expect-error: swap is missing
    new SessionManager({ store: { ...plain, findWithExpiry, touch } })
    // @ts-expect-error: findWithExpiry is missing
    new SessionManager({ store: { ...withCtx, touch, swap } })
  })

  test('a store that answers with something else does not compile', () => {
    // @ts-expect-error: data is bytes
    new SessionManager({ store: { ...plain, find: async () => 'data' } })
    // @ts-expect-error: undefined, not null, is "none"
    new SessionManager({ store: { ...plain, find: async () => null } })
    // @ts-expect-error: a Map, not an array
    new SessionManager({ store: { ...plain, all: async () => [] } })
    // @ts-expect-error: whether it was there must be told
    new SessionManager({ store: { ...plain, ...atomic, touch: async () => undefined } })
  })
})

describe('the rest', () => {
  test('a codec of one’s own', () => {
    const codec: Codec = {
      encode: (deadline, values, origin) => {
        expectTypeOf(deadline).toEqualTypeOf<Date>()
        expectTypeOf(values).toEqualTypeOf<ReadonlyMap<string, unknown>>()
        expectTypeOf(origin).toEqualTypeOf<unknown>()
        return new Uint8Array()
      },
      decode: () => ({ deadline: new Date(), values: new Map() }),
    }
    new SessionManager({ codec })
    const withOrigin: Codec = {
      encode: codec.encode,
      decode: () => ({ deadline: new Date(), values: new Map(), origin: { id: 'int64' } }),
    }
    new SessionManager({ codec: withOrigin })
    expectTypeOf(new JsonCodec()).toExtend<Codec>()
  })

  test('context keys check the type of their values, both ways', () => {
    const userID = contextKey<number>('userID')
    expectTypeOf(withValue(ctx, userID, 42).value(userID)).toEqualTypeOf<number | undefined>()
    // @ts-expect-error: of another type
    withValue(ctx, userID, '42')
    // @ts-expect-error: a key of a number is none of a number or string: values would get in through it
    const wider: ContextKey<number | string> = userID
    // @ts-expect-error: a key is made by contextKey
    const made: ContextKey<number> = { description: 'userID' }
    void [wider, made]
  })

  test('a context is readonly', () => {
    expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal | undefined>()
    // @ts-expect-error: contexts do not change
    ctx.signal = AbortSignal.abort()
  })

  test('errors are told by their code', () => {
    const error: unknown = undefined
    if (error instanceof SessionError) {
      expectTypeOf(error.code).toEqualTypeOf<SessionErrorCode>()
      // @ts-expect-error: no such code
      error.code === 'ERR_SESSION_LOST'
    }
  })

  test('Awaitable is the value or what can be awaited for it', () => {
    expectTypeOf<Awaitable<number>>().toEqualTypeOf<number | PromiseLike<number>>()
    expectTypeOf<Promise<number>>().toExtend<Awaitable<number>>()
  })
})
