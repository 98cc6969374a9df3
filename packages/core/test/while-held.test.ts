import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import {
  get,
  type Server as HttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import {
  connect as connectHttp2,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { beforeHeaders, contextOf, MemoryStore, SessionManager, type Store } from '../src/index.ts'
import { Client } from './support/client.ts'
import { exchange, type Protocol, type Running, request, serve } from './support/servers.ts'

/** A store whose commits wait until they are released. */
class HeldStore implements Store {
  readonly #memory = new MemoryStore({ cleanupInterval: 0 })
  readonly #arrived = Promise.withResolvers<void>()
  readonly #released = Promise.withResolvers<void>()

  find(token: string): Uint8Array | undefined {
    return this.#memory.find(token)
  }

  /** How many commits there were. */
  commits = 0

  async commit(token: string, data: Uint8Array, expiry: Date): Promise<void> {
    this.commits++
    this.#arrived.resolve()
    await this.#released.promise
    this.#memory.commit(token, data, expiry)
  }

  delete(token: string): void {
    this.#memory.delete(token)
  }

  /** When a commit waits. */
  get arrived(): Promise<void> {
    return this.#arrived.promise
  }

  get size(): number {
    return this.#memory.all().size
  }

  release(): void {
    this.#released.resolve()
  }
}

interface Site extends Running {
  readonly store: HeldStore
  readonly errors: unknown[]
}

type Handler = (res: ServerResponse, req: IncomingMessage) => unknown

async function site(handler: Handler, protocol: Protocol = 'http'): Promise<Site> {
  const store = new HeldStore()
  const errors: unknown[] = []
  const manager = new SessionManager({ store, onError: (error) => errors.push(error) })
  const running = await serve(
    manager.loadAndSave((req, res) => {
      if (req.url !== '/other') manager.put(contextOf(req), 'foo', 'bar')
      return handler(res, req)
    }),
    protocol,
  )
  return { ...running, store, errors }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await turn()
}

describe('a held response whose connection ends is no crash, and its session is committed', () => {
  const ends: Record<string, (res: ServerResponse, req: IncomingMessage) => unknown> = {
    'by res.destroy': (res) => res.destroy(),
    'by res.destroy with an error': (res) => res.destroy(new Error('no')),
    'by its socket': (res) => res.socket?.destroy(),
    'by req.destroy': (_res, req) => req.destroy(),
  }
  for (const [how, cut] of Object.entries(ends)) {
    it(how, async () => {
      const told: unknown[] = []
      await using server = await site((res, req) => {
        res.on('error', () => {})
        res.write('a', (error) => told.push(error instanceof Error))
        res.write('b')
        cut(res, req)
      })
      const answer = exchange(server.port, request('GET /'))
      await server.store.arrived
      expect(await answer).toBe('')
      server.store.release()
      await settled()
      expect([server.store.size, server.errors]).toEqual([1, []])
      expect(told.length).toBeLessThan(2)
    })
  }

  it('by its session of HTTP/2', async () => {
    const sessions: ServerHttp2Session[] = []
    await using server = await site((res) => res.end('x'), 'h2c')
    server.server.on('session', (session) => sessions.push(session))
    const answer = new Client(server.url).get('/')
    answer.catch(() => {})
    await server.store.arrived
    for (const session of sessions) session.destroy()
    await expect(answer).rejects.toThrow()
    server.store.release()
    await settled()
    expect([server.store.size, server.errors]).toEqual([1, []])
  })

  it.each(['http', 'h2c'] as const)('over %s, and is committed once', async (protocol) => {
    const cut = Promise.withResolvers<void>()
    await using server = await site((res) => {
      res.on('close', () => cut.resolve())
      res.end('x')
    }, protocol)
    const answer = new Client(server.url).get('/')
    answer.catch(() => {})
    await server.store.arrived
    server.cut()
    await cut.promise
    await settled()
    server.store.release()
    await settled()
    expect([server.store.size, server.store.commits, server.errors]).toEqual([1, 1, []])
  })

  it('by the client of a HEAD over HTTP/2, of whose close Node does not tell', async () => {
    const aborted = Promise.withResolvers<void>()
    const store = new HeldStore()
    store.release()
    const manager = new SessionManager({ store })
    await using server = await serve(
      manager.loadAndSave((req) => {
        const ctx = contextOf(req)
        ctx.signal?.addEventListener('abort', () => aborted.resolve())
        manager.put(ctx, 'foo', 'bar')
      }),
      'h2c',
    )
    const session = connectHttp2(server.url.replace('h2c', 'http'))
    session.on('error', () => {})
    session.request({ ':method': 'HEAD', ':path': '/' }).on('error', () => {})
    await once(server.server, 'request')
    session.destroy()
    await aborted.promise
    await store.arrived
    await settled()
    expect(store.size).toBe(1)
  })
})

describe('a held response is delivered', () => {
  it('when the server is closed meanwhile', async () => {
    const server = await site((res) => res.end('late'))
    const answer = exchange(server.port, request('GET /', { Connection: 'keep-alive' }))
    await server.store.arrived
    const closed = once(server.server, 'close')
    server.server.close()
    ;(server.server as HttpServer).closeIdleConnections()
    await settled()
    server.store.release()
    expect(await answer).toMatch(/\r\n\r\nlate$/)
    await closed
  })

  it('when idle connections time out meanwhile', async () => {
    await using server = await site((res) => res.end('late'))
    ;(server.server as HttpServer).keepAliveTimeout = 1
    const answer = exchange(server.port, request('GET /'))
    await server.store.arrived
    // This one is idle as soon as it has its answer.
    const other = await exchange(server.port, request('GET /other', { Connection: 'keep-alive' }))
    expect(other).toMatch(/\r\n\r\nlate$/)
    server.store.release()
    expect(await answer).toMatch(/\r\n\r\nlate$/)
  })

  it('when its session of HTTP/2 is closed gracefully meanwhile', async () => {
    const sessions: ServerHttp2Session[] = []
    await using server = await site((res) => res.end('late'), 'h2c')
    server.server.on('session', (session) => sessions.push(session))
    const answer = new Client(server.url).get('/')
    await server.store.arrived
    for (const session of sessions) session.close()
    for (const session of sessions) session.goaway()
    await settled()
    server.store.release()
    expect((await answer).body).toBe('late')
  })

  it('with headers of 100 KB', async () => {
    const value = 'x'.repeat(100_000)
    await using server = await site((res) => res.writeHead(200, { 'X-Long': value }).end('late'))
    server.store.release()
    const wire = await exchange(server.port, request('GET /'))
    expect(wire).toContain(`X-Long: ${value}\r\n`)
    expect(wire).toMatch(/^Set-Cookie: session=/m)
  })

  it('as a proxy has it, with the cookies of its upstream', async () => {
    await using upstream = await serve((_req, res) => {
      res.writeHead(201, 'Made', ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Up', '1'])
      res.end('from upstream')
    })
    await using server = await site(async (res) => {
      const sent = get({ host: '127.0.0.1', port: upstream.port, agent: false })
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      res.writeHead(answer.statusCode ?? 0, answer.statusMessage, answer.rawHeaders)
      await pipeline(answer, res)
    })
    const answer = exchange(server.port, request('GET /'))
    await server.store.arrived
    server.store.release()
    const wire = await answer
    expect(wire).toMatch(/^HTTP\/1\.1 201 Made\r\n/)
    expect(wire).toContain('X-Up: 1\r\n')
    expect(wire.match(/^Set-Cookie: \w+/gm)).toEqual([
      'Set-Cookie: a',
      'Set-Cookie: b',
      'Set-Cookie: session',
    ])
    expect(wire).toContain('from upstream')
  })
})

it('callbacks run in the asynchronous context of their calls', async () => {
  const context = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const see = (what: string) => () => seen.push([what, context.getStore()])
  await using server = await site((res) => {
    context.run('first', () => res.write('a', see('write')))
    context.run('second', () => res.write('b', 'utf8', see('second write')))
    context.run('third', () => res.end(see('end')))
  })
  const answer = exchange(server.port, request('GET /'))
  await server.store.arrived
  server.store.release()
  await answer
  expect(seen).toEqual([
    ['write', 'first'],
    ['second write', 'second'],
    ['end', 'third'],
  ])
})

describe('what is no response', () => {
  it('a tunnel that CONNECT asks for is left alone, and its session can be read', async () => {
    await using server = await site(() => {})
    server.server.on('connect', (_req: IncomingMessage, socket: Duplex) => {
      socket.end('HTTP/1.1 200 Connection Established\r\n\r\nbytes')
    })
    const wire = await exchange(server.port, 'CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(wire).toBe('HTTP/1.1 200 Connection Established\r\n\r\nbytes')
  })

  it('a pushed response has no gate: it leaves at once, and has no cookie', async () => {
    const pushed = Promise.withResolvers<Record<string, unknown>>()
    await using server = await site((res) => {
      ;(res as unknown as Http2ServerResponse).createPushResponse(
        { ':path': '/style.css' },
        (_error, push) => push.end('body{}'),
      )
      res.end('late')
    }, 'h2c')
    const session = connectHttp2(server.url.replace('h2c', 'http'))
    session.on('stream', (stream) => {
      stream.on('push', (headers) => pushed.resolve(headers))
      stream.resume()
    })
    const stream = session.request({ ':path': '/' })
    const answered = once(stream, 'response')
    expect(Object.keys(await pushed.promise)).not.toContain('set-cookie')
    expect(server.store.size).toBe(0)
    server.store.release()
    const [headers] = await answered
    expect(headers['set-cookie']).toHaveLength(1)
    stream.resume()
    session.destroy()
  })
})

describe('three managers around one handler', () => {
  const names = ['outer', 'middle', 'inner'] as const
  type Name = (typeof names)[number]

  async function answerOf(failing: readonly Name[], atOnce: readonly Name[]) {
    const committed: string[] = []
    const make = (name: Name) => {
      const memory = new MemoryStore({ cleanupInterval: 0 })
      const write: Store['commit'] = (...row) => {
        if (failing.includes(name)) throw new Error(`${name} down`)
        committed.push(name)
        memory.commit(...row)
      }
      const commit: Store['commit'] = atOnce.includes(name)
        ? write
        : async (...row) => {
            await turn()
            write(...row)
          }
      const store = {
        find: (token: string) => memory.find(token),
        delete: (token: string) => memory.delete(token),
        commit,
      }
      return new SessionManager({
        store,
        cookie: { name },
        errorFunc: (_req, res, error) => res.writeHead(500).end((error as Error).message),
      })
    }
    const managers = names.map(make)
    const handler: RequestListener = (req, res) => {
      for (const manager of managers) manager.put(contextOf(req), 'foo', 'bar')
      res.write('SECRET')
      res.end()
    }
    await using server = await serve(
      managers.reduceRight<RequestListener>((next, manager) => manager.loadAndSave(next), handler),
    )
    const { status, body, header } = await new Client(server.url).get('/')
    const cookies = header('set-cookie').map((line) => line.split('=')[0])
    return { status, body, cookies, committed }
  }

  const speeds: Record<string, readonly Name[]> = {
    'none of which answers at once': [],
    'all of which answer at once': names,
    'the middle of which answers at once': ['middle'],
    'the middle of which does not answer at once': ['outer', 'inner'],
  }
  for (const [which, atOnce] of Object.entries(speeds)) {
    it(`${which}: all commit, the innermost first`, async () => {
      expect(await answerOf([], atOnce)).toEqual({
        status: 200,
        body: 'SECRET',
        cookies: ['inner', 'middle', 'outer'],
        committed: ['inner', 'middle', 'outer'],
      })
    })

    const failures: [failing: Name[], answer: string, committed: Name[]][] = [
      [['inner'], 'inner down', ['middle', 'outer']],
      [['middle'], 'middle down', ['inner', 'outer']],
      [['outer'], 'outer down', ['inner', 'middle']],
      [['inner', 'middle'], 'middle down', ['outer']],
      [['inner', 'outer'], 'outer down', ['middle']],
      [['middle', 'outer'], 'outer down', ['inner']],
      [['inner', 'middle', 'outer'], 'outer down', []],
    ]
    for (const [failing, body, committed] of failures) {
      it(`${which}: ${failing.join(' and ')} failing, the outermost of these answers, and the others' cookies stay`, async () => {
        expect(await answerOf(failing, atOnce)).toEqual({
          status: 500,
          body,
          cookies: committed,
          committed,
        })
      })
    }
  }
})

describe.each(['http', 'h2c'] as const)(
  'what is set while a response is held, over %s',
  (protocol) => {
    /** Two managers; `late` runs when the inner one has committed, and the outer one has not. */
    async function headersAfter(late: (res: ServerResponse) => void) {
      const outer = new SessionManager({ store: new HeldStore(), cookie: { name: 'outer' } })
      const inner = new SessionManager({ cookie: { name: 'inner' } })
      await using server = await serve(
        outer.loadAndSave(
          inner.loadAndSave(async (req: IncomingMessage, res: ServerResponse) => {
            for (const manager of [outer, inner]) manager.put(contextOf(req), 'foo', 'bar')
            res.setHeader('Set-Cookie', 'early=1')
            res.write('a')
            const store = outer.store as HeldStore
            await store.arrived
            late(res)
            store.release()
            res.end('b')
          }),
        ) as RequestListener,
        protocol,
      )
      const { status, body, header } = await new Client(server.url).get('/')
      expect([status, body]).toEqual([200, 'ab'])
      return header
    }
    const namesOf = (lines: readonly string[]) => lines.map((line) => line.split('=')[0]).sort()

    it('takes no cookie of a manager away', async () => {
      const header = await headersAfter((res) => res.setHeader('Set-Cookie', 'late=1'))
      expect(namesOf(header('set-cookie'))).toEqual(['inner', 'late', 'outer'])
    })

    it('nor when all cookies are removed', async () => {
      const header = await headersAfter((res) => res.removeHeader('Set-Cookie'))
      expect(namesOf(header('set-cookie'))).toEqual(['inner', 'outer'])
    })

    it('adds no cookie twice where none was taken away', async () => {
      const header = await headersAfter(() => {})
      expect(namesOf(header('set-cookie'))).toEqual(['early', 'inner', 'outer'])
      expect(header('cache-control').join()).toBe('no-cache="Set-Cookie",no-cache="Set-Cookie"')
    })

    it.each([
      ['Cache-Control', 'public, max-age=60'],
      ['CDN-Cache-Control', 'max-age=60'],
    ])('%s lets no shared cache store a cookie of an inner manager', async (name, value) => {
      const hook = Promise.withResolvers<void>()
      const asked = Promise.withResolvers<void>()
      const manager = new SessionManager()
      await using server = await serve((req: IncomingMessage, res: ServerResponse) => {
        beforeHeaders(
          res,
          () => {
            asked.resolve()
            return hook.promise
          },
          () => {},
        )
        manager.loadAndSave((req: IncomingMessage, res: ServerResponse) => {
          manager.put(contextOf(req), 'foo', 'bar')
          res.write('a')
        })(req, res)
        asked.promise.then(() => {
          res.setHeader(name, value)
          hook.resolve()
          res.end('b')
        })
      }, protocol)
      const { header } = await new Client(server.url).get('/')
      expect(namesOf(header('set-cookie'))).toEqual(['session'])
      expect(header('cache-control').join()).toMatch(
        /^private(?:, max-age=60)?,\s*no-cache="Set-Cookie"$/,
      )
      expect(header('cdn-cache-control')).toEqual([])
    })
  },
)

describe.each(['http', 'h2c'] as const)('an answer that is held, over %s', (protocol) => {
  it('is told to wait, whatever the handler that it replaces goes on to write', async () => {
    const chunk = 'x'.repeat(1024)
    const most = 256
    let written = 0
    let goOn = true
    const outer = new SessionManager({ store: new HeldStore(), cookie: { name: 'outer' } })
    const inner = new SessionManager({
      cookie: { name: 'inner' },
      store: {
        find: () => undefined,
        delete: () => {},
        commit: async () => {
          throw new Error('down')
        },
      },
      errorFunc: (_req, res) => {
        const { promise, resolve } = Promise.withResolvers<void>()
        const write = () => {
          while (written < most) {
            written++
            if (!res.write(chunk)) return
          }
          res.off('drain', write)
          res.end()
          resolve()
        }
        res.on('drain', write)
        write()
        return promise
      },
    })
    await using server = await serve(
      outer.loadAndSave(
        inner.loadAndSave(async (req: IncomingMessage, res: ServerResponse) => {
          for (const manager of [outer, inner]) manager.put(contextOf(req), 'foo', 'bar')
          while (goOn) {
            res.write('SECRET')
            await turn()
          }
        }),
      ) as RequestListener,
      protocol,
    )
    const answer = new Client(server.url).get('/')
    const store = outer.store as HeldStore
    await store.arrived
    await settled()
    await settled()
    // As much as one buffer holds, not one more for each write of the handler.
    const held = written
    expect(held).toBeLessThan(most)
    await settled()
    expect(written).toBe(held)
    store.release()
    expect((await answer).body).toBe(chunk.repeat(most))
    goOn = false
  })
})
