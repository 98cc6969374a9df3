import { setImmediate as turn } from 'node:timers/promises'
import { bindContext, contextKey, contextOf, SessionManager, withValue } from '@scs/core'
import { type Context, Hono } from 'hono'
import { compress } from 'hono/compress'
import { describe, expect, it, vi } from 'vitest'
import { CaseStore } from '../../../test/conversations/stores.ts'
import { type LoadAndSaveOptions, loadAndSave } from '../src/index.ts'

// Where there is no response of Node's: `app.request`, and every runtime but Node.

function site(options: LoadAndSaveOptions = {}) {
  const store = new CaseStore(1)
  const errors: unknown[] = []
  const manager = new SessionManager({ store, onError: (error) => errors.push(error) })
  const app = new Hono()
  app.use(loadAndSave(manager, options))
  return { app, manager, store, errors }
}

/** The cookie of `response`, as a browser sends it back. */
function cookieOf(response: Response): Record<string, string> {
  return {
    cookie: response.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; '),
  }
}

function addName(app: Hono, manager: SessionManager): void {
  app.get('/name', (c) => c.text(manager.getString(contextOf(c), 'name')))
}

async function nameIn(app: Hono, response: Response): Promise<string> {
  return (await app.request('/name', { headers: cookieOf(response) })).text()
}

const unknownToken = { headers: { cookie: `session=${'a'.repeat(43)}` } }

it('a change sets the cookie, and nothing else does', async () => {
  const { app, manager } = site()
  addName(app, manager)
  app.get('/put', (c) => {
    manager.put(contextOf(c), 'name', 'Ada')
    c.header('Cache-Control', 'public, max-age=60')
    c.header('Set-Cookie', 'theirs=1')
    return c.text('put', 201)
  })
  const put = await app.request('/put')
  expect([put.status, await put.text()]).toEqual([201, 'put'])
  expect(put.headers.getSetCookie().map((line) => line.split('=')[0])).toEqual([
    'theirs',
    'session',
  ])
  expect(put.headers.get('cache-control')).toBe('private, max-age=60, no-cache="Set-Cookie"')
  const get = await app.request('/name', { headers: cookieOf(put) })
  expect([await get.text(), get.headers.getSetCookie()]).toEqual(['Ada', []])
  expect(get.headers.get('vary')).toBe('Cookie')
})

it('a response whose headers cannot be changed gets its cookie', async () => {
  const { app, manager } = site()
  addName(app, manager)
  app.get('/', (c) => {
    manager.put(contextOf(c), 'name', 'Ada')
    return Response.redirect('https://example.org/')
  })
  const response = await app.request('/')
  expect([response.status, response.headers.get('location')]).toEqual([302, 'https://example.org/'])
  expect(await nameIn(app, response)).toBe('Ada')
})

it('what changes while the body streams is committed before its end', async () => {
  const { app, manager } = site()
  addName(app, manager)
  app.get('/put', (c) => {
    manager.put(contextOf(c), 'name', 'Ada')
    return c.text('')
  })
  app.get('/late', (c) => {
    const pieces = (async function* () {
      yield 'x'
      await turn()
      manager.put(contextOf(c), 'name', 'Grace')
      yield 'y'
    })()
    return c.body(ReadableStream.from(pieces).pipeThrough(new TextEncoderStream()))
  })
  const put = await app.request('/put')
  const late = await app.request('/late', { headers: cookieOf(put) })
  expect(await late.text()).toBe('xy')
  expect(await nameIn(app, put)).toBe('Grace')
})

describe('an error', () => {
  it('of the application is answered by Hono, and the session committed with that', async () => {
    const { app, manager } = site()
    addName(app, manager)
    app.get('/', (c) => {
      manager.put(contextOf(c), 'name', 'Ada')
      throw new Error('a conflict')
    })
    app.onError((error, c) => c.text(error.message, 409))
    const response = await app.request('/')
    expect([response.status, await response.text()]).toEqual([409, 'a conflict'])
    expect(await nameIn(app, response)).toBe('Ada')
  })

  const answering: LoadAndSaveOptions = {
    errorResponse: (c: Context, error) => c.text(`failed: ${(error as Error).message}`, 503),
  }

  it('in loading is answered by errorResponse: what comes after is not called', async () => {
    const { app, store } = site(answering)
    const handler = vi.fn()
    app.get('/', handler)
    store.readFault = new Error('store down')
    const response = await app.request('/', unknownToken)
    expect([response.status, await response.text()]).toEqual([503, 'failed: store down'])
    expect(handler).not.toHaveBeenCalled()
  })

  it('in committing is answered by errorResponse, and nothing of the answer is left', async () => {
    const { app, manager, store } = site(answering)
    app.get('/', (c) => {
      manager.put(contextOf(c), 'name', 'Ada')
      c.header('X-Mine', 'yes')
      c.header('Set-Cookie', 'theirs=1')
      return c.text('secret')
    })
    store.fault = new Error('disk full')
    const response = await app.request('/')
    expect([response.status, await response.text()]).toEqual([503, 'failed: disk full'])
    expect(response.headers.get('x-mine')).toBe(null)
    expect(response.headers.getSetCookie()).toEqual([])
  })
})

it('several managers are several of it', async () => {
  const { app, manager } = site()
  const other = new SessionManager({ cookie: { name: 'other' }, store: new CaseStore(1) })
  app.use(loadAndSave(other))
  app.get('/', (c) => {
    manager.put(contextOf(c), 'name', 'Ada')
    other.put(contextOf(c), 'name', 'Grace')
    return c.text('')
  })
  const lines = (await app.request('/')).headers.getSetCookie()
  expect(lines.map((line) => line.split('=')[0])).toEqual(['other', 'session'])
})

it("adds the session to what other middleware has bound to Hono's context", async () => {
  const manager = new SessionManager()
  const key = contextKey<string>('who')
  const app = new Hono()
  app.use(async (c, next) => {
    bindContext(c, withValue(contextOf(c), key, 'Ada'))
    await next()
  })
  app.use(loadAndSave(manager))
  app.get('/', (c) => c.text(`${contextOf(c).value(key)} ${manager.status(contextOf(c))}`))
  expect(await (await app.request('/')).text()).toBe('Ada unmodified')
})

it('with compress, the compressed answer has the cookie', async () => {
  const manager = new SessionManager()
  const app = new Hono().use(compress({ threshold: 0 }), loadAndSave(manager))
  app.get('/', (c) => {
    manager.put(contextOf(c), 'name', 'Ada')
    return c.text('x'.repeat(10_000))
  })
  const response = await app.request('/', { headers: { 'accept-encoding': 'gzip' } })
  expect(response.headers.get('content-encoding')).toBe('gzip')
  expect(response.headers.getSetCookie()).toHaveLength(1)
  const text = new Response(response.body?.pipeThrough(new DecompressionStream('gzip'))).text()
  expect(await text).toBe('x'.repeat(10_000))
})

describe('what was written by mistake is a TypeError that says what to write', () => {
  const manager = new SessionManager()

  it.each<[string, unknown[], string]>([
    ['without a manager', [], 'takes a SessionManager, and was given undefined: write app.use('],
    ['with the class', [SessionManager], 'takes a SessionManager, and was given a function'],
    [
      'with options',
      [{ sessionManager: manager }],
      'takes a SessionManager, and was given an object',
    ],
    ['with an option of the manager', [manager, { errorFunc() {} }], 'has no option errorFunc'],
    [
      'with a misspelt option',
      [manager, { errorresponse() {} }],
      'has no option errorresponse: did you mean errorResponse?',
    ],
    ['with null for options', [manager, null], 'must be an object, such as { errorResponse: … }'],
  ])('at once, %s', (_what, args, message) => {
    const call = () => (loadAndSave as (...args: unknown[]) => unknown)(...args)
    expect(call).toThrow(TypeError)
    expect(call).toThrow('loadAndSave')
    expect(call).toThrow(message)
  })

  it('at once, with an errorResponse that is no function', () => {
    const options = { errorResponse: new Response() } as never
    expect(() => loadAndSave(manager, options)).toThrow(
      new TypeError('errorResponse must be a function'),
    )
  })

  it('Hono answers with the error where it was given uncalled', async () => {
    for (const uncalled of [loadAndSave, manager.loadAndSave]) {
      const errors: Error[] = []
      const app = new Hono()
      app.use(uncalled as never)
      app.onError((error, c) => {
        errors.push(error)
        return c.text('', 500)
      })
      expect((await app.request('/')).status).toBe(500)
      const [error] = errors
      expect(error).toBeInstanceOf(TypeError)
      expect(error?.message).toMatch(
        /^(?:loadAndSave takes a SessionManager|sessionManager\.loadAndSave takes a handler), /,
      )
    }
  })

  it('where other frameworks call the middleware', () => {
    const middleware = loadAndSave(manager) as (...args: unknown[]) => unknown
    for (const args of [
      [{ headers: {} }, {}, () => undefined], // Express
      [{ req: { headers: {} }, res: {} }, () => undefined], // Koa
      [],
    ]) {
      expect(() => middleware(...args)).toThrow(
        /^loadAndSave of @scs\/hono makes middleware \(c, next\) of Hono/,
      )
    }
  })
})
