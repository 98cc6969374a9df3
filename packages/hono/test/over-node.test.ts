import { once } from 'node:events'
import { connect } from 'node:http2'
import { setImmediate as turn } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import {
  bindContext,
  contextKey,
  contextOf,
  SessionManager,
  type SessionManagerOptions,
  withValue,
} from '@scs/core'
import { type Handler, Hono } from 'hono'
import { compress } from 'hono/compress'
import { cors } from 'hono/cors'
import { streamSSE } from 'hono/streaming'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Client } from '../../../test/conversations/client/client.ts'
import { listen } from '../../../test/conversations/listen.ts'
import type { Listener } from '../../../test/conversations/server-kind.ts'
import { CaseStore } from '../../../test/conversations/stores.ts'
import { loadAndSave } from '../src/index.ts'

type Env = { Bindings: HttpBindings }

afterEach(() => void vi.restoreAllMocks())

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
  return { app: new Hono<Env>(), manager, store }
}

async function serve(app: Hono<Env>, protocol: 'http' | 'h2c' = 'http') {
  const listening = await listen(getRequestListener(app.fetch) as Listener, protocol)
  return { client: new Client(listening.url), [Symbol.asyncDispose]: () => listening.close() }
}

/** Answers with the session's name; puts it first when the path ends with `/put`. */
const name =
  (manager: SessionManager): Handler =>
  (c) => {
    if (c.req.path.endsWith('/put')) manager.put(contextOf(c), 'name', 'Ada')
    return c.text(manager.getString(contextOf(c), 'name'))
  }

const unknownToken = { cookie: `session=${'a'.repeat(43)}` }

describe.each(['http', 'h2c'] as const)('over %s', (protocol) => {
  it('the session is kept, and no cookie is set without a change', async () => {
    const { app, manager } = site()
    app.use(loadAndSave(manager)).all('*', name(manager))
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

  it('a POST whose body nobody reads has its answer, however long the commit takes', async () => {
    const { app, manager } = site({ store: new CaseStore(20) })
    app.use(loadAndSave(manager)).all('*', name(manager))
    await using server = await serve(app, protocol)
    const put = await server.client.get('/put', { method: 'POST', body: 'unread' })
    expect([put.status, put.body, put.header('set-cookie').length]).toEqual([200, 'Ada', 1])
  })
})

it.each([0, 20])(
  'over HTTP/2, an upload that nobody reads is ended once it is answered, by a store that takes %i ms',
  async (ms) => {
    const { app, manager } = site({ store: new CaseStore(ms) })
    app.use(loadAndSave(manager)).all('*', name(manager))
    const listening = await listen(getRequestListener(app.fetch) as Listener, 'h2c')
    const session = connect(listening.url.replace('h2c', 'http'))
    const upload = session.request({ ':method': 'POST', ':path': '/put' })
    upload.on('error', () => {})
    upload.write('and so on')
    const chunks: Buffer[] = []
    upload.on('data', (chunk) => chunks.push(chunk))
    await once(upload, 'close')
    expect(Buffer.concat(chunks).toString()).toBe('Ada')
    session.destroy()
    await listening.close()
  },
)

it('events stream as they are written, and what changes meanwhile is committed', async () => {
  const { app, manager } = site()
  const read = Promise.withResolvers<void>()
  app.use(loadAndSave(manager))
  app.get('/events', (c) =>
    streamSSE(c, async (stream) => {
      await stream.writeSSE({ data: 'first' })
      await read.promise
      manager.put(contextOf(c), 'name', 'Grace')
      await stream.writeSSE({ data: 'second' })
    }),
  )
  app.all('*', name(manager))
  await using server = await serve(app)
  await server.client.get('/put')
  const events = server.client.open('/events')
  expect(await events.read()).toBe('data: first\n\n')
  read.resolve()
  expect(await events.read()).toBe('data: second\n\n')
  expect(await events.read()).toBe(undefined)
  expect((await server.client.get('/')).body).toBe('Grace')
})

it("what is written to Node's own response is committed with the first byte", async () => {
  const { app, manager } = site()
  app.use(loadAndSave(manager))
  app.get('/raw', (c) => {
    manager.put(contextOf(c), 'name', 'Ada')
    c.env.outgoing.writeHead(201).end('raw')
    return RESPONSE_ALREADY_SENT
  })
  app.all('*', name(manager))
  await using server = await serve(app)
  const raw = await server.client.get('/raw')
  expect([raw.status, raw.body]).toEqual([201, 'raw'])
  expect((await server.client.get('/')).body).toBe('Ada')
})

it('what middleware around it changes after the rest is in the commit', async () => {
  const { app, manager, store } = site()
  app.use(async (c, next) => {
    await next()
    if (c.req.path !== '/') manager.put(contextOf(c), 'name', 'Grace')
  })
  app.use(loadAndSave(manager)).all('*', name(manager))
  await using server = await serve(app)
  const put = await server.client.get('/put')
  expect([put.header('set-cookie').length, store.writes]).toEqual([1, 1])
  expect((await server.client.get('/')).body).toBe('Grace')
})

describe('an error', () => {
  it('of the application is answered by Hono, and the session committed with that', async () => {
    const { app, manager } = site()
    app.use(loadAndSave(manager))
    app.get('/throw', (c) => {
      manager.put(contextOf(c), 'name', 'Ada')
      throw new Error('a conflict')
    })
    app.onError((error, c) => c.text(error.message, 409))
    app.all('*', name(manager))
    await using server = await serve(app)
    const { status, body, header } = await server.client.get('/throw')
    expect([status, body, header('vary')]).toEqual([409, 'a conflict', ['Cookie']])
    expect((await server.client.get('/')).body).toBe('Ada')
  })

  it('in loading is answered by errorFunc; what comes before goes on, what comes after is not called', async () => {
    const { app, manager, store } = site()
    const steps: unknown[] = []
    const passed = Promise.withResolvers<void>()
    app.use(async (c, next) => {
      await next()
      steps.push(c.res.status)
      passed.resolve()
    })
    app.use(loadAndSave(manager))
    app.all('*', (c) => c.text(String(steps.push('handler'))))
    await using server = await serve(app)
    store.readFault = new Error('store down')
    const { status, body } = await server.client.get('/', { headers: unknownToken })
    expect([status, body]).toEqual([500, 'failed: store down'])
    await passed.promise
    expect(steps).toEqual([500])
  })

  it('in loading on the only route there is has an answer too', async () => {
    const { manager, store } = site()
    const app = new Hono<Env>().all('*', loadAndSave(manager))
    await using server = await serve(app)
    store.readFault = new Error('store down')
    const { status, body } = await server.client.get('/', { headers: unknownToken })
    expect([status, body]).toEqual([500, 'failed: store down'])
  })

  it.each([
    ['at once', (res: HttpBindings['outgoing'], text: string) => void res.end(text)],
    [
      'piece by piece',
      (res: HttpBindings['outgoing'], text: string) => {
        for (const piece of text) res.write(piece)
        res.end()
      },
    ],
  ])('in committing is answered by errorFunc, %s', async (_how, write) => {
    const { app, manager, store } = site({
      errorFunc: (_req, res, error) => {
        res.statusCode = 500
        write(res, `failed: ${(error as Error).message}`)
      },
    })
    app.use(loadAndSave(manager)).all('*', name(manager))
    await using server = await serve(app)
    store.fault = new Error('disk full')
    const { status, body, header } = await server.client.get('/put')
    expect([status, body, header('set-cookie')]).toEqual([500, 'failed: disk full', []])
  })
})

describe('a client that has gone', () => {
  async function goneClient(leave: 'loading' | 'before' | 'handling', protocol: 'http' | 'h2c') {
    const { app, manager, store } = site()
    const [arrived, passed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const steps: string[] = []
    if (leave !== 'handling') {
      store.find = () => {
        if (leave === 'loading') arrived.resolve()
        return new Promise(() => {})
      }
    }
    app.use(async (c, next) => {
      if (leave === 'before') {
        arrived.resolve()
        await once(c.env.outgoing, 'close')
      }
      await next()
      steps.push('after')
      passed.resolve()
    })
    app.use(loadAndSave(manager))
    app.all('*', async (c) => {
      arrived.resolve()
      await once(c.env.outgoing, 'close')
      await turn()
      steps.push('handler')
      return c.text('x')
    })
    await using server = await serve(app, protocol)
    const headers = leave === 'handling' ? {} : unknownToken
    const opened = server.client.open('/', { headers })
    opened.answer().catch(() => {})
    await arrived.promise
    opened.abort()
    await passed.promise
    return steps
  }

  describe.each(['http', 'h2c'] as const)('over %s', (protocol) => {
    it.each([
      ['while its session is loaded holds nothing up', 'loading', ['after']],
      ['before its turn holds nothing up', 'before', ['after']],
      [
        'while the handler is at work does not let what comes before overtake it',
        'handling',
        ['handler', 'after'],
      ],
    ] as const)('%s, and is no error', async (_what, leave, steps) => {
      const log = vi.spyOn(console, 'error')
      expect(await goneClient(leave, protocol)).toEqual(steps)
      expect(log).not.toHaveBeenCalled()
    })
  })
})

it('serves the paths that it is used for, and applications routed below them', async () => {
  const { app, manager } = site()
  const inner = new Hono<Env>().route('/deep', new Hono<Env>().all('*', name(manager)))
  app.use('/a/*', loadAndSave(manager))
  app.route('/a/b', inner)
  app.all('*', (c) => c.text('outside'))
  await using server = await serve(app)
  await server.client.get('/a/b/deep/put')
  expect((await server.client.get('/a/b/deep/')).body).toBe('Ada')
  const outside = await server.client.get('/elsewhere')
  expect([outside.body, outside.header('vary')]).toEqual(['outside', []])
})

it('several managers are several of it', async () => {
  const { app, manager } = site()
  const other = new SessionManager({ cookie: { name: 'other' }, store: new CaseStore(1) })
  app.use(loadAndSave(manager), loadAndSave(other))
  app.all('*', (c) => {
    manager.put(contextOf(c), 'name', 'Ada')
    other.put(contextOf(c), 'name', 'Grace')
    return c.text('')
  })
  await using server = await serve(app)
  const lines = (await server.client.get('/')).header('set-cookie')
  expect(lines.map((line) => line.split('=')[0])).toEqual(['other', 'session'])
})

it("adds the session to what other middleware has bound to Hono's context", async () => {
  const { app, manager } = site()
  const key = contextKey<string>('who')
  app.use(async (c, next) => {
    bindContext(c, withValue(contextOf(c), key, 'Ada'))
    await next()
  })
  app.use(loadAndSave(manager))
  app.all('*', (c) => c.text(`${contextOf(c).value(key)} ${manager.status(contextOf(c))}`))
  await using server = await serve(app)
  expect((await server.client.get('/')).body).toBe('Ada unmodified')
})

it.each([
  ['Origin', 'Origin, Cookie'],
  ['Accept, cookie', 'Accept, cookie'],
  ['*', '*'],
  ['X-Cookie', 'X-Cookie, Cookie'],
])('a response that varies by %s varies by %s', async (theirs, both) => {
  const { app, manager } = site()
  app.use(loadAndSave(manager))
  app.all('*', () => new Response('x', { headers: { Vary: theirs } }))
  await using server = await serve(app)
  expect((await server.client.get('/')).header('vary').join(', ')).toBe(both)
})

it('with cors, the answer varies by both', async () => {
  const { app, manager } = site()
  app.use(loadAndSave(manager), cors({ origin: 'https://example.org', credentials: true }))
  app.all('*', name(manager))
  await using server = await serve(app)
  const { header } = await server.client.get('/put', { headers: { origin: 'https://example.org' } })
  expect(header('vary').join(', ')).toBe('Origin, Cookie')
  expect(header('access-control-allow-origin')).toEqual(['https://example.org'])
  expect(header('set-cookie')).toHaveLength(1)
})

it('with compress, around it or within it, the answer has the cookie; a failed commit leaves one plain answer', async () => {
  for (const order of ['around', 'within']) {
    const { app, manager, store } = site()
    const middleware = [loadAndSave(manager), compress({ threshold: 0 })]
    app.use(...(order === 'around' ? middleware.toReversed() : middleware))
    app.all('*', (c) => {
      manager.put(contextOf(c), 'name', 'Ada')
      return c.text('x'.repeat(10_000))
    })
    await using server = await serve(app)
    const headers = { 'accept-encoding': 'gzip' }
    const { bytes, header } = await server.client.get('/', { headers })
    expect(gunzipSync(bytes).toString()).toBe('x'.repeat(10_000))
    expect(header('set-cookie')).toHaveLength(1)
    store.fault = new Error('disk full')
    server.client.cookies.clear()
    const failed = await server.client.get('/', { headers })
    expect([failed.status, failed.body]).toEqual([500, 'failed: disk full'])
    expect(failed.header('content-encoding')).toEqual([])
  }
})
