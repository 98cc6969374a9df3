import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { contextOf, MemoryStore, SessionManager, type SessionManagerOptions } from '@scs/core'
import connect from 'connect'
import express, { type ErrorRequestHandler } from 'express'
import express4 from 'express4'
import { describe, expect, it } from 'vitest'
import { loadAndSave } from '../src/index.ts'

interface Running extends AsyncDisposable {
  /** Sends a request with the cookie of the last response that set one. */
  get(path: string, headers?: Record<string, string>): Promise<Response>
}

async function serve(app: (req: IncomingMessage, res: ServerResponse) => void): Promise<Running> {
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  let cookie = ''
  return {
    async get(path, headers = {}) {
      const init = { headers: { cookie, ...headers }, redirect: 'manual' } as const
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, init)
      for (const line of answer.headers.getSetCookie()) {
        if (line.startsWith('session=')) cookie = line.split(';')[0] ?? ''
      }
      return answer
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const managed = (options: SessionManagerOptions = {}) =>
  new SessionManager({
    errorFunc: (_req, res, error) => {
      res.statusCode = 503
      res.end(`errorFunc: ${(error as Error).message}`)
    },
    ...options,
  })

const failing = (method: 'find' | 'swap', message: string) => {
  const store = new MemoryStore()
  store[method] = () => {
    throw new Error(message)
  }
  return store
}

const answerErrors: ErrorRequestHandler = (error, _req, res, _next) => {
  res.status(500).send(`middleware: ${error.message}`)
}

// The types of Express 5 do for both: what is used here is in both.
const versions = { 'Express 5': express, 'Express 4': express4 as unknown as typeof express }

describe.each(Object.entries(versions))('%s', (_version, express) => {
  it.each<[string, (res: express.Response) => unknown]>([
    ['send', (res) => res.send('x')],
    ['json', (res) => res.json({ x: 1 })],
    ['sendStatus', (res) => res.sendStatus(204)],
    ['redirect', (res) => res.redirect('/get')],
    ['sendFile', (res) => res.sendFile(import.meta.filename)],
    ['end', (res) => res.end('x')],
  ])('res.%s leaves with the cookie, after the commit', async (_name, answer) => {
    const sessionManager = managed()
    const app = express()
    app.use(loadAndSave(sessionManager))
    app.get('/', (req, res) => {
      sessionManager.put(contextOf(req), 'foo', 'bar')
      answer(res)
    })
    app.get('/get', (req, res) => {
      res.send(sessionManager.getString(contextOf(req), 'foo'))
    })
    await using server = await serve(app)
    expect((await server.get('/')).headers.getSetCookie()).toHaveLength(1)
    expect(await (await server.get('/get')).text()).toBe('bar')
  })

  it('res.cookie keeps its cookie beside that of the session', async () => {
    const sessionManager = managed()
    const app = express()
    app.use(loadAndSave(sessionManager))
    app.get('/', (req, res) => {
      sessionManager.put(contextOf(req), 'foo', 'bar')
      res.cookie('a', '1').send('x')
    })
    await using server = await serve(app)
    const lines = (await server.get('/')).headers.getSetCookie()
    expect(lines.map((line) => line.split('=')[0])).toEqual(['a', 'session'])
  })

  it('an answer that the client has already is a 304, with the cookie', async () => {
    const sessionManager = managed()
    const app = express()
    app.use(loadAndSave(sessionManager))
    app.get('/', (req, res) => {
      sessionManager.put(contextOf(req), 'foo', 'bar')
      res.send('x')
    })
    await using server = await serve(app)
    const etag = (await server.get('/')).headers.get('etag') ?? ''
    // By itself fetch would ask for a fresh one.
    const headers = { 'if-none-match': etag, 'cache-control': 'max-age=0' }
    const again = await server.get('/', headers)
    expect([again.status, again.headers.getSetCookie().length]).toEqual([304, 1])
  })

  it('a router has sessions of its own, and what is outside has none', async () => {
    const sessionManager = managed()
    const router = express.Router()
    router.use(loadAndSave(sessionManager))
    router.get('/', (req, res) => {
      res.send(sessionManager.status(contextOf(req)))
    })
    const app = express()
    app.use('/account', router)
    app.get('/', (req, res) => {
      sessionManager.status(contextOf(req))
      res.send('not reached')
    })
    app.use(answerErrors)
    await using server = await serve(app)
    expect(await (await server.get('/account')).text()).toBe('unmodified')
    const outside = await server.get('/')
    expect(outside.headers.get('vary')).toBeNull()
    expect(await outside.text()).toMatch(/^middleware: scs: no session data in context/)
  })

  it("next(error) is the application's, and its answer commits", async () => {
    const sessionManager = managed()
    const app = express()
    app.use(loadAndSave(sessionManager))
    app.get('/', (req, _res, next) => {
      sessionManager.put(contextOf(req), 'foo', 'bar')
      next(new Error('ouch'))
    })
    app.use(((error, req, res, _next) => {
      res.status(500).send(`${error.message}, ${sessionManager.getString(contextOf(req), 'foo')}`)
    }) satisfies ErrorRequestHandler)
    await using server = await serve(app)
    const answer = await server.get('/')
    expect([answer.status, await answer.text()]).toEqual([500, 'ouch, bar'])
    expect(answer.headers.getSetCookie()).toHaveLength(1)
  })

  it.each([
    ['load', 'find'],
    ['commit', 'swap'],
  ] as const)('an error of %s goes to errorFunc, and not to next', async (_what, method) => {
    const sessionManager = managed({ store: failing(method, 'db down') })
    const app = express()
    app.use(loadAndSave(sessionManager))
    app.get('/', (req, res) => {
      sessionManager.put(contextOf(req), 'foo', 'bar')
      res.set('X-Handler', '1').send('SECRET')
    })
    app.use(answerErrors)
    await using server = await serve(app)
    const answer = await server.get('/', { cookie: 'session=abc' })
    expect([answer.status, await answer.text()]).toEqual([503, 'errorFunc: db down'])
    expect(answer.headers.get('x-handler')).toBeNull()
    expect(answer.headers.getSetCookie()).toEqual([])
  })
})

describe('Connect', () => {
  it('serves sessions, and what is after them', async () => {
    const sessionManager = managed()
    const app = connect()
    app.use(loadAndSave(sessionManager))
    app.use('/put', (req, res) => {
      sessionManager.put(contextOf(req), 'foo', 'bar')
      res.end()
    })
    app.use((req, res) => {
      res.end(sessionManager.getString(contextOf(req), 'foo'))
    })
    await using server = await serve(app)
    await server.get('/put')
    expect(await (await server.get('/')).text()).toBe('bar')
  })

  it('answers what a handler throws, and its answer commits', async () => {
    const sessionManager = managed()
    const app = connect()
    app.use(loadAndSave(sessionManager))
    app.use((req) => {
      sessionManager.put(contextOf(req), 'foo', 'bar')
      throw new Error('ouch')
    })
    app.use(((error: Error, _req, res, _next) => {
      res.statusCode = 500
      res.end(`middleware: ${error.message}`)
    }) satisfies connect.ErrorHandleFunction)
    await using server = await serve(app)
    const answer = await server.get('/')
    expect([answer.status, await answer.text()]).toEqual([500, 'middleware: ouch'])
    expect(answer.headers.getSetCookie()).toHaveLength(1)
  })
})

describe.each([
  ['Express 5', express],
  ['Express 4', express4 as unknown as typeof express],
])('errorFunc in %s', (_name, create) => {
  it('may answer by what the application renders, in a callback', async () => {
    const store = new MemoryStore()
    store.swap = () => {
      throw new Error('disk full')
    }
    const manager = managed({
      store,
      errorFunc: (_req, res, error) =>
        void (res as unknown as express.Response)
          .status(503)
          .render('sorry', { message: (error as Error).message }),
    })
    const app = create()
    app.engine('txt', (_path, { message }: { message?: string }, done) =>
      setImmediate(() => done(null, `Sorry: ${message}`)),
    )
    app.set('view engine', 'txt')
    app.set('views', new URL('views', import.meta.url).pathname)
    app.use(loadAndSave(manager))
    app.get('/', (req, res) => {
      manager.put(contextOf(req), 'name', 'Ada')
      res.send('SECRET')
    })
    await using server = await serve(app)
    const answer = await server.get('/')
    expect([answer.status, await answer.text()]).toEqual([503, 'Sorry: disk full'])
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
  })
})

it('returns nothing, as h3 takes a promise of middleware for the end of it', async () => {
  const manager = managed()
  const middleware = loadAndSave(manager)
  const returned: unknown[] = []
  await using server = await serve((req, res) => {
    returned.push(middleware(req, res, () => setImmediate(() => res.end('x'))))
  })
  await server.get('/')
  expect(returned).toEqual([undefined])
})

describe('what was written by mistake is a TypeError that says what to write', () => {
  const write = 'write app.use(loadAndSave(sessionManager))'
  const manager = new SessionManager({ store: new MemoryStore({ cleanupInterval: 0 }) })

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a function', SessionManager],
    ['an object', { store: new MemoryStore({ cleanupInterval: 0 }) }],
    ['an object', { sessionManager: manager }],
  ])('at once, without a manager: %s', (given, value) => {
    expect(() => loadAndSave(value as never)).toThrow(
      new TypeError(`loadAndSave takes a SessionManager, and was given ${given}: ${write}`),
    )
  })

  for (const [name, create] of [
    ['Express 5', express],
    ['Express 4', express4 as unknown as typeof express],
    ['Connect', connect as unknown as typeof express],
  ] as const) {
    it(`${name} answers with the error where it was given uncalled`, async () => {
      for (const uncalled of [loadAndSave, manager.loadAndSave]) {
        const app = create()
        app.use(uncalled as never)
        const errors: Error[] = []
        const onError: ErrorRequestHandler = (error, _req, res, _next) => {
          errors.push(error)
          res.statusCode = 500
          res.end()
        }
        app.use(onError)
        await using server = await serve(app)
        expect((await server.get('/')).status).toBe(500)
        const [error] = errors
        expect(error).toBeInstanceOf(TypeError)
        expect(error?.message).toMatch(
          /^(?:loadAndSave takes a SessionManager|sessionManager\.loadAndSave takes a handler), .* was given an instance of IncomingMessage/,
        )
      }
    })
  }

  it('where other frameworks, or node:http, call the middleware', () => {
    const middleware = loadAndSave(manager) as (...args: unknown[]) => unknown
    const request = { headers: {} }
    for (const args of [
      [{ req: request, res: {} }, () => undefined], // Koa, Hono
      [{ addHook() {} }, {}, () => undefined], // Fastify
      [request, {}], // node:http
      [],
    ]) {
      expect(() => middleware(...args)).toThrow(
        /^loadAndSave of @scs\/express makes middleware \(req, res, next\) of Express and Connect/,
      )
    }
  })
})
