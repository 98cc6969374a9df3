import { once } from 'node:events'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import Router from '@koa/router'
import {
  bindContext,
  contextKey,
  contextOf,
  SessionManager,
  type SessionManagerOptions,
  withValue,
} from '@scs/core'
import App, { type Middleware } from 'koa'
import compress from 'koa-compress'
import { describe, expect, it } from 'vitest'
import { Client } from '../../../test/conversations/client/client.ts'
import { type Listening, listen } from '../../../test/conversations/listen.ts'
import { CaseStore } from '../../../test/conversations/stores.ts'
import { loadAndSave } from '../src/index.ts'

/** An application and its manager, on a store that does not answer at once. */
function site(options: SessionManagerOptions = {}) {
  const store = new CaseStore(1)
  const manager = new SessionManager({
    store,
    errorFunc: (_req, res, error) => {
      res.statusCode = 500
      res.end(`failed: ${(error as Error).message}`)
    },
    ...options,
  })
  const app = new App()
  const errors: unknown[] = []
  app.on('error', (error) => errors.push(error))
  return { app, manager, store, errors }
}

/** What the application answers, and a client to ask it. */
async function serve(app: App, protocol: 'http' | 'h2c' = 'http') {
  const listening: Listening = await listen(app.callback(), protocol)
  return {
    client: new Client(listening.url),
    [Symbol.asyncDispose]: () => listening.close(),
  }
}

/** Answers with the session's name; puts it first when the path ends with `/put`. */
const name =
  (manager: SessionManager): Middleware =>
  (ctx) => {
    if (ctx.path.endsWith('/put')) manager.put(contextOf(ctx), 'name', 'Ada')
    ctx.body = manager.getString(contextOf(ctx), 'name')
  }

describe.each(['http', 'h2c'] as const)('over %s', (protocol) => {
  it('the session is kept, and no cookie is set without a change', async () => {
    const { app, manager } = site()
    app.use(loadAndSave(manager)).use(name(manager))
    await using server = await serve(app, protocol)
    const put = await server.client.get('/put')
    expect([put.status, put.body]).toEqual([200, 'Ada'])
    const get = await server.client.get('/')
    expect([get.body, get.header('set-cookie'), get.header('vary')]).toEqual([
      'Ada',
      [],
      ['Cookie'],
    ])
  })
})

it('with ctx.respond = false, the session is committed with the first byte', async () => {
  const { app, manager } = site()
  app.use(loadAndSave(manager))
  app.use((ctx, next) => {
    if (ctx.path !== '/raw') return next()
    manager.put(contextOf(ctx), 'name', 'Ada')
    ctx.respond = false
    ctx.res.writeHead(201).end('raw')
    return undefined
  })
  app.use(name(manager))
  await using server = await serve(app)
  const raw = await server.client.get('/raw')
  expect([raw.status, raw.body]).toEqual([201, 'raw'])
  expect((await server.client.get('/')).body).toBe('Ada')
})

it('what changes while a stream is the body is committed before its end', async () => {
  const { app, manager } = site()
  app.use(loadAndSave(manager))
  app.use((ctx, next) => {
    if (ctx.path !== '/late') return next()
    ctx.body = Readable.from(
      (async function* () {
        yield 'x'
        await turn()
        manager.put(contextOf(ctx), 'name', 'Grace')
        yield 'y'
      })(),
    )
    return undefined
  })
  app.use(name(manager))
  await using server = await serve(app)
  await server.client.get('/put')
  expect((await server.client.get('/late')).body).toBe('xy')
  expect((await server.client.get('/')).body).toBe('Grace')
})

it('what comes before goes on when what comes after is done', async () => {
  const { app, manager } = site()
  const steps: string[] = []
  app.use(async (_ctx, next) => {
    steps.push('before')
    await next()
    steps.push('after')
  })
  app.use(loadAndSave(manager))
  app.use(async (ctx) => {
    await turn()
    steps.push('handler')
    ctx.body = 'x'
  })
  await using server = await serve(app)
  await server.client.get('/')
  expect(steps).toEqual(['before', 'handler', 'after'])
})

it('what middleware around it changes after the rest is in the commit', async () => {
  const { app, manager, store } = site()
  app.use(async (ctx, next) => {
    await next()
    if (ctx.path !== '/') manager.put(contextOf(ctx), 'name', 'Grace')
  })
  app.use(loadAndSave(manager)).use(name(manager))
  await using server = await serve(app)
  const put = await server.client.get('/put')
  expect([put.header('set-cookie').length, store.writes]).toEqual([1, 1])
  expect((await server.client.get('/')).body).toBe('Grace')
})

describe('an error', () => {
  it('of the application is answered by Koa, with the session committed and the head right', async () => {
    const { app, manager, errors } = site()
    app.use(loadAndSave(manager))
    app.use((ctx, next) => {
      if (ctx.path !== '/throw') return next()
      manager.put(contextOf(ctx), 'name', 'Ada')
      ctx.set('X-Mine', 'yes')
      ctx.body = 'not this'
      return ctx.throw(403, 'no', { headers: { 'X-Error': 'yes' } })
    })
    app.use(name(manager))
    await using server = await serve(app)
    const { status, body, header } = await server.client.get('/throw')
    expect([status, body]).toEqual([403, 'no'])
    expect([header('x-mine'), header('x-error')]).toEqual([[], ['yes']])
    expect([header('vary'), header('cache-control')]).toEqual([
      ['Cookie'],
      ['no-cache="Set-Cookie"'],
    ])
    expect(header('set-cookie')).toHaveLength(1)
    expect(errors).toEqual([expect.objectContaining({ message: 'no', status: 403 })])
    expect((await server.client.get('/')).body).toBe('Ada')
  })

  it('of middleware around it leaves the answer varying by the cookie too', async () => {
    const { app, manager } = site()
    app.use(async (ctx, next) => {
      await next()
      ctx.throw(404)
    })
    app.use(loadAndSave(manager)).use(name(manager))
    await using server = await serve(app)
    const { status, header } = await server.client.get('/')
    expect([status, header('vary')]).toEqual([404, ['Cookie']])
  })

  it('that names fields of its own to vary by keeps them', async () => {
    const { app, manager } = site()
    app.use(loadAndSave(manager))
    app.use((ctx) => ctx.throw(404, { headers: { Vary: 'Origin' } }))
    await using server = await serve(app)
    expect((await server.client.get('/')).header('vary')).toEqual(['Origin', 'Cookie'])
  })

  it('in loading is answered by errorFunc; what comes before goes on, what comes after is not called', async () => {
    const { app, manager, store, errors } = site()
    const steps: string[] = []
    const gone = Promise.withResolvers<void>()
    app.use(async (_ctx, next) => {
      await next()
      steps.push('after')
      gone.resolve()
    })
    app.use(loadAndSave(manager))
    app.use(() => void steps.push('handler'))
    await using server = await serve(app)
    store.readFault = new Error('store down')
    const { status, body } = await server.client.get('/', {
      headers: { cookie: `session=${'a'.repeat(43)}` },
    })
    expect([status, body]).toEqual([500, 'failed: store down'])
    await gone.promise
    expect([steps, errors]).toEqual([['after'], []])
  })

  it('in committing is answered by errorFunc, and nothing of the body is left', async () => {
    const { app, manager, store } = site()
    app.use(loadAndSave(manager)).use(name(manager))
    await using server = await serve(app)
    store.fault = new Error('disk full')
    const { status, body, header } = await server.client.get('/put')
    expect([status, body, header('set-cookie')]).toEqual([500, 'failed: disk full', []])
  })
})

describe('a client that has gone', () => {
  it('while its session is loaded holds nothing up', async () => {
    const { app, manager, store } = site()
    const [finding, passed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    store.find = () => {
      finding.resolve()
      return new Promise(() => {})
    }
    const steps: string[] = []
    app.use(async (_ctx, next) => {
      await next()
      passed.resolve()
    })
    app.use(loadAndSave(manager))
    app.use(() => void steps.push('handler'))
    await using server = await serve(app)
    const opened = server.client.open('/', { headers: { cookie: `session=${'a'.repeat(43)}` } })
    opened.answer().catch(() => {})
    await finding.promise
    opened.abort()
    await passed.promise
    expect(steps).toEqual([])
  })

  it('before its turn holds nothing up', async () => {
    const { app, manager, store } = site()
    const [arrived, passed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    store.find = () => new Promise(() => {})
    const steps: string[] = []
    app.use(async (ctx, next) => {
      arrived.resolve()
      await once(ctx.res, 'close')
      await next()
      passed.resolve()
    })
    app.use(loadAndSave(manager))
    app.use(() => void steps.push('handler'))
    await using server = await serve(app)
    const opened = server.client.open('/', { headers: { cookie: `session=${'a'.repeat(43)}` } })
    opened.answer().catch(() => {})
    await arrived.promise
    opened.abort()
    await passed.promise
    expect(steps).toEqual([])
  })

  it('while the handler is at work does not let what comes before overtake it', async () => {
    const { app, manager } = site()
    const steps: string[] = []
    const [arrived, passed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    app.use(async (_ctx, next) => {
      await next()
      steps.push('after')
      passed.resolve()
    })
    app.use(loadAndSave(manager))
    app.use(async (ctx) => {
      arrived.resolve()
      await once(ctx.res, 'close')
      await turn()
      steps.push('handler')
    })
    await using server = await serve(app)
    const opened = server.client.open('/')
    opened.answer().catch(() => {})
    await arrived.promise
    opened.abort()
    await passed.promise
    expect(steps).toEqual(['handler', 'after'])
  })
})

it('on a router, serves the routes of that, at any depth', async () => {
  const { app, manager } = site()
  const innermost = new Router().get('/put', name(manager))
  const inner = new Router().use('/deep', innermost.routes()).get('/get', name(manager))
  const outer = new Router().use(loadAndSave(manager)).use('/a/b', inner.routes())
  app.use(outer.routes())
  app.use((ctx) => {
    ctx.body = 'outside'
  })
  await using server = await serve(app)
  await server.client.get('/a/b/deep/put')
  expect((await server.client.get('/a/b/get')).body).toBe('Ada')
  const outside = await server.client.get('/elsewhere')
  expect([outside.body, outside.header('vary')]).toEqual(['outside', []])
})

it('several managers are several of it', async () => {
  const { app, manager } = site()
  const other = new SessionManager({ cookie: { name: 'other' }, store: new CaseStore(1) })
  app.use(loadAndSave(manager)).use(loadAndSave(other))
  app.use((ctx) => {
    manager.put(contextOf(ctx), 'name', 'Ada')
    other.put(contextOf(ctx), 'name', 'Grace')
    ctx.body = ''
  })
  await using server = await serve(app)
  const lines = (await server.client.get('/')).header('set-cookie')
  expect(lines.map((line) => line.split('=')[0])).toEqual(['other', 'session'])
})

it("adds the session to what other middleware has bound to Koa's context", async () => {
  const { app, manager } = site()
  const key = contextKey<string>('who')
  app.use((ctx, next) => {
    bindContext(ctx, withValue(contextOf(ctx), key, 'Ada'))
    return next()
  })
  app.use(loadAndSave(manager))
  app.use((ctx) => {
    ctx.body = `${contextOf(ctx).value(key)} ${manager.status(contextOf(ctx))}`
  })
  await using server = await serve(app)
  expect((await server.client.get('/')).body).toBe('Ada unmodified')
})

describe('with koa-compress', () => {
  const long = 'x'.repeat(10_000)

  it.each(['around it', 'within it'])('%s: a compressed answer has the cookie', async (place) => {
    const { app, manager, store } = site()
    const middleware = [loadAndSave(manager), compress()]
    for (const use of place === 'around it' ? middleware.toReversed() : middleware) app.use(use)
    app.use((ctx) => {
      manager.put(contextOf(ctx), 'name', 'Ada')
      ctx.body = long
    })
    await using server = await serve(app)
    const headers = { 'accept-encoding': 'gzip' }
    const { header } = await server.client.get('/', { headers })
    expect(header('content-encoding')).toEqual(['gzip'])
    expect(header('set-cookie')).toHaveLength(1)
    expect(header('vary').join().toLowerCase().split(/, ?/).sort()).toEqual([
      'accept-encoding',
      'cookie',
    ])
    store.fault = new Error('disk full')
    server.client.cookies.clear()
    const failed = await server.client.get('/', { headers })
    expect([failed.status, failed.body]).toEqual([500, 'failed: disk full'])
    expect(failed.header('content-encoding')).toEqual([])
  })
})

it('a response that was ended by hand, and is held, is not ended again by Koa', async () => {
  const { app, manager, errors } = site()
  app.use(loadAndSave(manager))
  app.use((ctx) => {
    manager.put(contextOf(ctx), 'name', 'Ada')
    ctx.res.end('first')
    ctx.body = 'second'
  })
  await using server = await serve(app)
  const { status, body, header } = await server.client.get('/')
  expect([body, header('set-cookie').length]).toEqual(['first', 1])
  expect(status).toBeLessThan(500)
  expect(errors).toEqual([])
})

describe('what was written by mistake is a TypeError that says what to write', () => {
  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a function', SessionManager],
    ['an object', { sessionManager: new SessionManager() }],
  ])('at once, without a manager: %s', (given, value) => {
    expect(() => loadAndSave(value as never)).toThrow(
      new TypeError(
        `loadAndSave takes a SessionManager, and was given ${given}: write app.use(loadAndSave(sessionManager))`,
      ),
    )
  })

  it('Koa answers with the error where it was given uncalled', async () => {
    for (const uncalled of [loadAndSave, new SessionManager().loadAndSave]) {
      const { app, errors } = site()
      app.use(uncalled as never)
      await using server = await serve(app)
      expect((await server.client.get('/')).status).toBe(500)
      const [error] = errors as Error[]
      expect(error).toBeInstanceOf(TypeError)
      expect(error?.message).toMatch(
        /^(?:loadAndSave takes a SessionManager|sessionManager\.loadAndSave takes a handler), /,
      )
    }
  })

  it('where other frameworks call the middleware', () => {
    const middleware = loadAndSave(new SessionManager()) as (...args: unknown[]) => unknown
    for (const args of [
      [{ headers: {} }, {}, () => undefined], // Express
      [{ addHook() {} }, {}, () => undefined], // Fastify
      [{ req: { raw: {} } }, () => undefined], // Hono
      [],
    ]) {
      expect(() => middleware(...args)).toThrow(
        /^loadAndSave of @scs\/koa makes middleware \(ctx, next\) of Koa/,
      )
    }
  })
})
