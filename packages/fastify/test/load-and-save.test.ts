import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import compress from '@fastify/compress'
import {
  background,
  bindContext,
  contextKey,
  contextOf,
  SessionManager,
  type SessionManagerOptions,
  withValue,
} from '@scs/core'
import createApp, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type LightMyRequestResponse,
} from 'fastify'
import { describe, expect, it, vi } from 'vitest'
import { Client } from '../../../test/conversations/client/client.ts'
import { CaseStore } from '../../../test/conversations/stores.ts'
import { loadAndSave } from '../src/index.ts'

/** An application with the plugin, on a store that does not answer at once. */
async function site(options: SessionManagerOptions = {}) {
  const store = new CaseStore(1)
  const errors: unknown[] = []
  const manager = new SessionManager({
    store,
    onError: (error) => errors.push(error),
    errorFunc: (_req, res, error) => {
      res.statusCode = 500
      res.end(`failed: ${(error as Error).message}`)
    },
    ...options,
  })
  const app = createApp()
  await app.register(loadAndSave, { sessionManager: manager })
  return { app, manager, store, errors }
}

const cookiesOf = ({ cookies }: LightMyRequestResponse): Record<string, string> =>
  Object.fromEntries(cookies.map(({ name, value }) => [name, value]))

/** The name that the session of `answer` holds, seen by another request. */
async function nameIn(app: FastifyInstance, answer: LightMyRequestResponse): Promise<string> {
  const { body } = await app.inject({ url: '/name', cookies: cookiesOf(answer) })
  return body
}

function addName(app: FastifyInstance, manager: SessionManager): void {
  app.get('/name', (request, reply) => reply.send(manager.getString(contextOf(request), 'name')))
}

describe('app.inject', () => {
  it('gets the cookie with the answer, and no cookie without a change', async () => {
    const { app, manager } = await site()
    addName(app, manager)
    app.get('/put', async (request) => {
      manager.put(contextOf(request), 'name', 'Ada')
      return { ok: true }
    })
    const put = await app.inject('/put')
    expect([put.statusCode, put.json()]).toEqual([200, { ok: true }])
    expect(Object.keys(cookiesOf(put))).toEqual(['session'])
    const name = await app.inject({ url: '/name', cookies: cookiesOf(put) })
    expect([name.body, name.cookies, name.headers.vary]).toEqual(['Ada', [], 'Cookie'])
  })

  it('gets it with a payload that is a stream, too', async () => {
    const { app, manager } = await site()
    addName(app, manager)
    app.get('/stream', (request, reply) => {
      manager.put(contextOf(request), 'name', 'Ada')
      return reply.send(Readable.from(['a', 'b', 'c']))
    })
    const answer = await app.inject({ url: '/stream', payloadAsStream: true })
    const chunks = await answer.stream().toArray()
    expect(Buffer.concat(chunks).toString()).toBe('abc')
    expect(await nameIn(app, answer)).toBe('Ada')
  })
})

it('what changes while a stream is sent is committed before its end', async () => {
  const { app, manager } = await site()
  addName(app, manager)
  app.get('/put', async (request) => manager.put(contextOf(request), 'name', 'Ada'))
  app.get('/late', (request, reply) =>
    reply.send(
      Readable.from(
        (async function* () {
          yield 'x'
          await turn()
          manager.put(contextOf(request), 'name', 'Grace')
          yield 'y'
        })(),
      ),
    ),
  )
  const put = await app.inject('/put')
  expect((await app.inject({ url: '/late', cookies: cookiesOf(put) })).body).toBe('xy')
  expect(await nameIn(app, put)).toBe('Grace')
})

it('a hijacked reply is committed with its first byte', async () => {
  const { app, manager } = await site()
  addName(app, manager)
  app.get('/raw', (request, reply) => {
    reply.hijack()
    manager.put(contextOf(request), 'name', 'Ada')
    reply.raw.writeHead(201, { 'X-Raw': 'yes' })
    reply.raw.end('raw')
  })
  const answer = await app.inject('/raw')
  expect([answer.statusCode, answer.headers['x-raw'], answer.body]).toEqual([201, 'yes', 'raw'])
  expect(await nameIn(app, answer)).toBe('Ada')
})

describe('the scope of the plugin', () => {
  it('is the instance it is registered on: plugins of that, and its 404', async () => {
    const { app, manager } = await site()
    const status = (request: object) => manager.status(contextOf(request))
    await app.register(async (child) => {
      child.get('/child', async (request) => status(request))
      await child.register(async (grandchild) => {
        grandchild.get('/grandchild', async (request) => status(request))
      })
    })
    app.setNotFoundHandler(async (request) => status(request))
    for (const url of ['/child', '/grandchild', '/nowhere'])
      expect([url, (await app.inject(url)).body]).toEqual([url, 'unmodified'])
  })

  it('ends with a plugin in which it is registered', async () => {
    const manager = new SessionManager()
    const app = createApp()
    const has = (request: object) => String(contextOf(request) !== background())
    await app.register(async (child) => {
      await child.register(loadAndSave, { sessionManager: manager })
      child.get('/in', async (request) => has(request))
    })
    app.get('/out', async (request) => has(request))
    expect((await app.inject('/in')).body).toBe('true')
    const out = await app.inject('/out')
    expect([out.body, out.headers.vary]).toEqual(['false', undefined])
  })
})

it('is a plugin with a name, for others to depend on', async () => {
  const { app } = await site()
  await app.ready()
  expect(app.hasPlugin('@scs/fastify')).toBe(true)
})

it('several managers are several registrations', async () => {
  const { app, manager } = await site()
  const other = new SessionManager({
    cookie: { name: 'other' },
    store: new CaseStore(1),
  })
  await app.register(loadAndSave, { sessionManager: other })
  app.get('/', async (request) => {
    manager.put(contextOf(request), 'name', 'Ada')
    other.put(contextOf(request), 'name', 'Grace')
    return ''
  })
  expect(Object.keys(cookiesOf(await app.inject('/')))).toEqual(['other', 'session'])
})

it('without a session manager, registering fails and says so', async () => {
  const registering = createApp().register(loadAndSave, {} as never)
  await expect(registering).rejects.toThrow(TypeError)
  await expect(registering).rejects.toThrow('sessionManager')
})

it('adds the session to what other plugins have bound to the request', async () => {
  const manager = new SessionManager()
  const key = contextKey<string>('who')
  const app = createApp()
  app.addHook('onRequest', async (request) => {
    bindContext(request, withValue(contextOf(request), key, 'Ada'))
  })
  await app.register(loadAndSave, { sessionManager: manager })
  app.get('/', async (request) => {
    const ctx = contextOf(request)
    return `${ctx.value(key)} ${manager.status(ctx)}`
  })
  expect((await app.inject('/')).body).toBe('Ada unmodified')
})

it('hooks that are added later find the session, from onRequest on', async () => {
  const { app, manager } = await site()
  const seen: string[] = []
  for (const hook of ['onRequest', 'preValidation'] as const)
    app.addHook(hook, async (request) => void seen.push(manager.status(contextOf(request))))
  app.get('/', async () => '')
  await app.inject('/')
  expect(seen).toEqual(['unmodified', 'unmodified'])
})

it('changes made in an onSend hook leave with the answer', async () => {
  const { app, manager } = await site()
  addName(app, manager)
  app.addHook('onSend', async (request) => {
    if (request.url === '/') manager.put(contextOf(request), 'name', 'Ada')
  })
  app.get('/', async () => 'x')
  expect(await nameIn(app, await app.inject('/'))).toBe('Ada')
})

it('changes made in an onResponse hook are committed, but no session begins there', async () => {
  const { app, manager, store } = await site()
  addName(app, manager)
  const thrown: unknown[] = []
  app.addHook('onResponse', async (request) => {
    if (request.url !== '/') return
    try {
      manager.put(contextOf(request), 'name', 'Grace')
    } catch (error) {
      thrown.push((error as { code?: string }).code)
    }
  })
  app.get('/', async () => 'x')
  app.get('/put', async (request) => manager.put(contextOf(request), 'name', 'Ada'))
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const client = new Client(url)
  await client.get('/')
  await vi.waitUntil(() => thrown.length > 0)
  expect([thrown, store.size]).toEqual([['ERR_SESSION_HEADERS_SENT'], 0])
  await client.get('/put')
  await client.get('/')
  await vi.waitUntil(async () => (await client.get('/name')).body === 'Grace')
  await app.close()
})

describe('an error', () => {
  it('of a route is answered by Fastify, and the session committed with that', async () => {
    const { app, manager, errors } = await site()
    addName(app, manager)
    app.setErrorHandler((error: Error, request, reply) => {
      manager.put(contextOf(request), 'name', error.message)
      return reply.code(409).send('theirs')
    })
    app.get('/', async () => {
      throw new Error('a conflict')
    })
    const answer = await app.inject('/')
    expect([answer.statusCode, answer.body]).toEqual([409, 'theirs'])
    expect(await nameIn(app, answer)).toBe('a conflict')
    expect(errors).toEqual([])
  })

  it('in loading is answered by errorFunc: no hook and no route is called after', async () => {
    const { app, store } = await site()
    const called: string[] = []
    app.addHook('preHandler', async () => void called.push('preHandler'))
    app.addHook('onResponse', async () => void called.push('onResponse'))
    app.get('/', async () => void called.push('route'))
    store.readFault = new Error('store down')
    const answer = await app.inject({ url: '/', cookies: { session: 'a'.repeat(43) } })
    expect([answer.statusCode, answer.body]).toEqual([500, 'failed: store down'])
    expect(called).toEqual(['onResponse'])
  })

  it('in committing is answered by errorFunc, and nothing of the reply is left', async () => {
    const { app, manager, store } = await site()
    app.get('/', (request, reply) => {
      manager.put(contextOf(request), 'name', 'Ada')
      return reply.code(201).header('X-Mine', 'yes').send({ secret: true })
    })
    store.fault = new Error('disk full')
    const answer = await app.inject('/')
    expect([answer.statusCode, answer.body]).toEqual([500, 'failed: disk full'])
    expect([answer.headers['x-mine'], answer.cookies]).toEqual([undefined, []])
  })
})

describe('with @fastify/compress', () => {
  async function compressed(options: { failing?: boolean } = {}) {
    const { app, manager, store } = await site()
    await app.register(compress, { threshold: 0 })
    app.get('/', (request, reply) => {
      manager.put(contextOf(request), 'name', 'Ada')
      return reply.type('text/plain').send('x'.repeat(10_000))
    })
    if (options.failing) store.fault = new Error('disk full')
    return app.inject({ url: '/', headers: { 'accept-encoding': 'gzip' } })
  }

  it('a compressed answer has the cookie, and varies by both', async () => {
    const answer = await compressed()
    expect(answer.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(answer.rawPayload).toString()).toBe('x'.repeat(10_000))
    expect(Object.keys(cookiesOf(answer))).toEqual(['session'])
    expect(answer.headers.vary).toBe('Cookie, accept-encoding')
  })

  it('a failed commit leaves one plain answer', async () => {
    const answer = await compressed({ failing: true })
    expect([answer.statusCode, answer.body]).toEqual([500, 'failed: disk full'])
    expect(answer.headers['content-encoding']).toBe(undefined)
  })
})

describe('over a socket', () => {
  it.each([
    ['http', () => createApp()],
    ['h2c', () => createApp({ http2: true }) as unknown as FastifyInstance],
  ] as const)('%s: the session is kept', async (protocol, create) => {
    const manager = new SessionManager({ store: new CaseStore(1) })
    const app = create()
    await app.register(loadAndSave, { sessionManager: manager })
    addName(app, manager)
    app.get('/put', async (request) => {
      manager.put(contextOf(request), 'name', 'Ada')
      return 'x'
    })
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    try {
      const client = new Client(url.replace('http', protocol))
      expect((await client.get('/put')).body).toBe('x')
      expect((await client.get('/name')).body).toBe('Ada')
    } finally {
      await app.close()
    }
  })
})

describe('while the response is held, Fastify knows that it was sent', () => {
  const ways = {
    'sent twice': (_request, reply) => {
      reply.send('first')
      reply.send('second')
    },
    'sent, and returned': async (_request, reply) => {
      reply.send('first')
      return 'second'
    },
    'sent, and then an error': async (_request, reply) => {
      reply.send('first')
      throw new Error('too late')
    },
    'ended by hand, and sent': (_request, reply) => {
      reply.raw.end('first')
      reply.send('second')
    },
  } satisfies Record<string, (request: FastifyRequest, reply: FastifyReply) => unknown>

  it.each(Object.entries(ways))('%s: the first reply counts', async (_name, way) => {
    const { app, manager, store } = await site()
    const sent: boolean[] = []
    app.get('/', (request, reply) => {
      manager.put(contextOf(request), 'name', 'Ada')
      sent.push(reply.sent)
      const returned = way(request, reply)
      sent.push(reply.sent)
      return returned as undefined
    })
    const answer = await app.inject('/')
    expect([answer.statusCode, answer.body, answer.cookies.length]).toEqual([200, 'first', 1])
    expect(sent).toEqual([false, true])
    expect(store.size).toBe(1)
  })
})

describe('what was written by mistake is a TypeError that says what to write', () => {
  const manager = new SessionManager()
  const usage = 'app.register(loadAndSave, { sessionManager })'
  const needed = 'loadAndSave takes a SessionManager, and was given '

  it('at once, where the plugin is called', () => {
    const call = loadAndSave as (...args: unknown[]) => unknown
    for (const args of [[manager], [], [{ sessionManager: manager }], [{}, {}, () => undefined]]) {
      expect(() => call(...args)).toThrow(
        new TypeError(`loadAndSave of @scs/fastify is a plugin of Fastify: write ${usage}`),
      )
    }
  })

  it.each<[string, unknown, string]>([
    ['no options', undefined, `${needed}undefined: write ${usage}`],
    ['no manager', {}, `${needed}undefined: write ${usage}`],
    ['a class', { sessionManager: SessionManager }, `${needed}a function: write ${usage}`],
    ['options of a manager', { sessionManager: {} }, `${needed}an object: write ${usage}`],
    [
      'a manager in place of the options',
      manager,
      'the options of loadAndSave must be an object, such as { sessionManager: … }; it is an instance of SessionManager',
    ],
    [
      'a misspelt option',
      { manager },
      'loadAndSave has no option manager: did you mean sessionManager?',
    ],
    [
      'an option of the manager',
      { sessionManager: manager, lifetime: 5 },
      'loadAndSave has no option lifetime: its options are sessionManager, prefix, ',
    ],
  ])('when it is registered, with %s', async (_what, options, message) => {
    const app = createApp()
    const registering = app.register(loadAndSave, options as never)
    await expect(registering).rejects.toThrow(TypeError)
    await expect(registering).rejects.toThrow(message)
  })

  it('not for the options that are Fastify’s own', async () => {
    const app = createApp()
    const options = { sessionManager: manager, prefix: '/a', logLevel: 'warn' } as const
    await app.register(loadAndSave, options)
    app.get('/', (request) => manager.keys(contextOf(request)))
    expect((await app.inject('/')).json()).toEqual([])
  })

  it('Fastify answers with the error where a manager’s method was given uncalled', async () => {
    const app = createApp()
    app.addHook('onRequest', manager.loadAndSave as never)
    app.get('/', () => '')
    const answer = await app.inject('/')
    expect(answer.statusCode).toBe(500)
    expect(answer.json().message).toMatch(/^sessionManager\.loadAndSave takes a handler, /)
  })
})
