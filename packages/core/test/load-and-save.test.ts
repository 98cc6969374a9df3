import { EventEmitter, once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  bindContext,
  type Context,
  contextKey,
  contextOf,
  MemoryStore,
  minute,
  SessionManager,
  type SessionManagerOptions,
  withValue,
} from '../src/index.ts'
import { Client } from './support/client.ts'
import { exchange, type Protocol, type Running, request, serve } from './support/servers.ts'
import { RecordingStore } from './support/stores.ts'

type Handler = (ctx: Context, res: ServerResponse, req: IncomingMessage) => unknown

interface Site extends Running {
  readonly manager: SessionManager
  readonly client: Client
  readonly errors: unknown[]
}

async function site(
  routes: Record<string, (manager: SessionManager) => Handler>,
  options: SessionManagerOptions & { readonly protocol?: Protocol } = {},
): Promise<Site> {
  const errors: unknown[] = []
  const manager = new SessionManager({
    onError: (error) => errors.push(error),
    errorFunc: (_req, res, error) => {
      res.statusCode = 500
      res.end(`failed: ${(error as Error).message}`)
    },
    ...options,
  })
  const running = await serve(
    manager.loadAndSave((req, res) => {
      const { pathname } = new URL(req.url ?? '', 'http://x')
      return routes[pathname]?.(manager)(contextOf(req), res, req)
    }),
    options.protocol,
  )
  return { ...running, manager, errors, client: new Client(running.url) }
}

const put = (manager: SessionManager) => (ctx: Context, res: ServerResponse) => {
  manager.put(ctx, 'foo', 'bar')
  res.end()
}
const get = (manager: SessionManager) => (ctx: Context, res: ServerResponse) =>
  res.end(manager.getString(ctx, 'foo'))
const destroy = (manager: SessionManager) => async (ctx: Context, res: ServerResponse) => {
  await manager.destroy(ctx)
  res.end()
}

const stores: Record<string, () => RecordingStore | MemoryStore> = {
  'MemoryStore, which answers at once': () => new MemoryStore({ cleanupInterval: 0 }),
  'a plain store that answers at once': () => new RecordingStore(),
  'a plain store that takes some turns': () => new RecordingStore(3),
}

const protocols: readonly Protocol[] = ['http', 'h2c']
const servers = protocols.flatMap((protocol) =>
  Object.entries(stores).map(([storeName, makeStore]) => ({ protocol, storeName, makeStore })),
)

for (const { protocol, storeName, makeStore } of servers) {
  describe(`conversations over ${protocol}, on ${storeName}`, () => {
    afterEach(() => void vi.useRealTimers())

    // session_test.go TestEnable
    it('a put sets a cookie, a get sets none, a second put keeps the token', async () => {
      await using server = await site(
        { '/put': put, '/get': get },
        { protocol, store: makeStore() },
      )
      const first = await server.client.get('/put')
      const token = server.client.cookies.get('session')
      expect(first.header('set-cookie')).toHaveLength(1)
      expect(first.header('cache-control')).toEqual(['no-cache="Set-Cookie"'])
      expect(first.header('vary')).toEqual(['Cookie'])

      const second = await server.client.get('/get')
      expect(second.body).toBe('bar')
      expect(second.header('set-cookie')).toEqual([])
      expect(second.header('cache-control')).toEqual([])
      expect(second.header('vary')).toEqual(['Cookie'])

      await server.client.get('/put')
      expect(server.client.cookies.get('session')).toBe(token)
    })

    // session_test.go TestLifetime
    it('a session ends at its deadline', async () => {
      vi.useFakeTimers({ toFake: ['Date'] })
      await using server = await site(
        { '/put': put, '/get': get },
        { protocol, store: makeStore(), lifetime: minute },
      )
      await server.client.get('/put')
      vi.setSystemTime(Date.now() + minute - 1)
      expect((await server.client.get('/get')).body).toBe('bar')
      vi.setSystemTime(Date.now() + 1)
      expect((await server.client.get('/get')).body).toBe('')
    })

    // session_test.go TestIdleTimeout
    it('a session with an idle timeout is extended when it is read, and ends when it is not', async () => {
      vi.useFakeTimers({ toFake: ['Date'] })
      await using server = await site(
        { '/put': put, '/get': get },
        { protocol, store: makeStore(), idleTimeout: 20 * minute, lifetime: 60 * minute },
      )
      await server.client.get('/put')
      vi.setSystemTime(Date.now() + 15 * minute)
      const extended = await server.client.get('/get')
      expect(extended.body).toBe('bar')
      expect(extended.header('set-cookie')[0]).toContain('Max-Age=1200')
      vi.setSystemTime(Date.now() + 15 * minute)
      expect((await server.client.get('/get')).body).toBe('bar')
      vi.setSystemTime(Date.now() + 20 * minute)
      expect((await server.client.get('/get')).body).toBe('')
    })

    // session_test.go TestDestroy
    it('destroy deletes the session and its cookie', async () => {
      await using server = await site(
        { '/put': put, '/get': get, '/destroy': destroy },
        { protocol, store: makeStore() },
      )
      await server.client.get('/put')
      const cookie = server.client.cookieHeader
      const answer = await server.client.get('/destroy')
      const [line = ''] = answer.header('set-cookie')
      expect(line).toMatch(/^session=;/)
      expect(line).toContain('Expires=Thu, 01 Jan 1970 00:00:01 GMT')
      expect(line).toContain('Max-Age=0')
      expect((await server.client.get('/get', { cookie })).body).toBe('')
    })

    // session_test.go TestRenewToken
    it('renewToken changes the token, keeps the data, and the old token is dead', async () => {
      const renew = (manager: SessionManager) => async (ctx: Context, res: ServerResponse) => {
        await manager.renewToken(ctx)
        res.end()
      }
      await using server = await site(
        { '/put': put, '/get': get, '/renew': renew },
        { protocol, store: makeStore() },
      )
      await server.client.get('/put')
      const cookie = server.client.cookieHeader
      await server.client.get('/renew')
      expect(server.client.cookieHeader).not.toBe(cookie)
      expect((await server.client.get('/get')).body).toBe('bar')
      expect((await server.client.get('/get', { cookie })).body).toBe('')
    })

    // session_test.go TestRememberMe
    it('rememberMe decides whether the cookie outlives the browser', async () => {
      const remember = (value: boolean) => (manager: SessionManager) => {
        return (ctx: Context, res: ServerResponse) => {
          manager.rememberMe(ctx, value)
          res.end()
        }
      }
      await using server = await site(
        { '/put': put, '/on': remember(true), '/off': remember(false) },
        { protocol, store: makeStore(), cookie: { persist: false } },
      )
      const lasting = /Max-Age=\d+.*Expires=|Expires=.*Max-Age=\d+/
      expect((await server.client.get('/put')).header('set-cookie')[0]).not.toMatch(
        /Max-Age|Expires/,
      )
      expect((await server.client.get('/on')).header('set-cookie')[0]).toMatch(lasting)
      expect((await server.client.get('/put')).header('set-cookie')[0]).toMatch(lasting)
      expect((await server.client.get('/off')).header('set-cookie')[0]).not.toMatch(
        /Max-Age|Expires/,
      )
    })

    it('a token that the client invented is never adopted', async () => {
      await using server = await site({ '/put': put }, { protocol, store: makeStore() })
      const invented = 'A'.repeat(43)
      server.client.cookies.set('session', invented)
      await server.client.get('/put')
      expect(server.client.cookies.get('session')).toMatch(/^[\w-]{43}$/)
      expect(server.client.cookies.get('session')).not.toBe(invented)
    })

    it('the commit and the cookie are there before the first byte, whatever wrote it', async () => {
      const writers: Record<string, (res: ServerResponse) => unknown> = {
        '/end': (res) => res.end('x'),
        '/write': (res) => {
          res.write('x')
          res.end()
        },
        '/writeHead': (res) => res.writeHead(200, { 'X-A': '1' }).end('x'),
        '/flushHeaders': (res) => {
          res.flushHeaders()
          res.end('x')
        },
        '/hints': (res) => {
          res.writeEarlyHints({ link: '</a.css>; rel=preload' })
          res.end('x')
        },
        '/redirect': (res) => res.writeHead(302, { Location: '/get' }).end(),
        '/no-content': (res) => res.writeHead(204).end(),
        '/not-modified': (res) => res.writeHead(304).end(),
      }
      const routes = Object.fromEntries(
        Object.entries(writers).map(([path, write]) => [
          path,
          (manager: SessionManager) => (ctx: Context, res: ServerResponse) => {
            manager.put(ctx, 'foo', path)
            return write(res)
          },
        ]),
      )
      await using server = await site({ ...routes, '/get': get }, { protocol, store: makeStore() })
      for (const path of Object.keys(writers)) {
        const client = new Client(server.url)
        const answer = await client.get(path)
        expect(answer.header('set-cookie'), path).toHaveLength(1)
        expect((await client.get('/get')).body).toBe(path)
      }
    })

    it('what is put after the first byte is committed before the end, for a session that the client knows', async () => {
      const late = (manager: SessionManager) => async (ctx: Context, res: ServerResponse) => {
        res.write('x')
        await turn()
        manager.put(ctx, 'foo', 'late')
        res.end('y')
      }
      await using server = await site(
        { '/put': put, '/get': get, '/late': late },
        { protocol, store: makeStore() },
      )
      await server.client.get('/put')
      expect((await server.client.get('/late')).body).toBe('xy')
      expect((await server.client.get('/get')).body).toBe('late')
    })

    it('what is put after end is committed when the response closes', async () => {
      const done = Promise.withResolvers<void>()
      const late = (manager: SessionManager) => async (ctx: Context, res: ServerResponse) => {
        res.end('x')
        manager.put(ctx, 'foo', 'after end')
        await once(res, 'close')
        for (let i = 0; i < 10; i++) await turn()
        manager.put(ctx, 'bar', 'after close')
        for (let i = 0; i < 10; i++) await turn()
        done.resolve()
      }
      const both = (manager: SessionManager) => (ctx: Context, res: ServerResponse) =>
        res.end(`${manager.getString(ctx, 'foo')}, ${manager.getString(ctx, 'bar')}`)
      await using server = await site(
        { '/put': put, '/both': both, '/late': late },
        { protocol, store: makeStore() },
      )
      await server.client.get('/put')
      await server.client.get('/late')
      await done.promise
      expect((await server.client.get('/both')).body).toBe('after end, after close')
    })

    it('a change that the client could never learn of throws after the first byte, and changes nothing', async () => {
      const thrown: unknown[] = []
      const late = (manager: SessionManager) => async (ctx: Context, res: ServerResponse) => {
        res.write('x')
        await turn()
        for (const change of [
          () => manager.put(ctx, 'foo', 'late'),
          () => manager.setDeadline(ctx, new Date()),
          () => manager.rememberMe(ctx, true),
          () => manager.commit(ctx),
          () => manager.renewToken(ctx),
          () => manager.destroy(ctx),
        ]) {
          try {
            await change()
            thrown.push('nothing')
          } catch (error) {
            thrown.push((error as { code?: string }).code)
          }
        }
        res.end(manager.keys(ctx).join())
      }
      const store = makeStore()
      await using server = await site({ '/late': late }, { protocol, store })
      const answer = await server.client.get('/late')
      expect(thrown).toEqual(Array(6).fill('ERR_SESSION_HEADERS_SENT'))
      expect(answer.body).toBe('x')
      expect(answer.header('set-cookie')).toEqual([])
    })

    it('a late destroy deletes the row, and then rejects', async () => {
      let code: unknown
      const late = (manager: SessionManager) => async (ctx: Context, res: ServerResponse) => {
        res.write('x')
        await manager.destroy(ctx).catch((error) => {
          code = error.code
        })
        res.end()
      }
      await using server = await site(
        { '/put': put, '/get': get, '/late': late },
        { protocol, store: makeStore() },
      )
      await server.client.get('/put')
      await server.client.get('/late')
      expect(code).toBe('ERR_SESSION_HEADERS_SENT')
      expect((await server.client.get('/get')).body).toBe('')
    })

    it('a session that was destroyed after its cookie has left cannot begin anew', async () => {
      const thrown: unknown[] = []
      const late = (manager: SessionManager) => async (ctx: Context, res: ServerResponse) => {
        manager.put(ctx, 'foo', 'first')
        res.write('x')
        await turn()
        await manager.destroy(ctx).catch((error) => thrown.push(error.code))
        try {
          manager.put(ctx, 'foo', 'second')
        } catch (error) {
          thrown.push((error as { code?: string }).code)
        }
        res.end()
      }
      const store = makeStore()
      await using server = await site({ '/late': late }, { protocol, store })
      await server.client.get('/late')
      expect(thrown).toEqual(Array(2).fill('ERR_SESSION_HEADERS_SENT'))
      expect(store instanceof RecordingStore ? store.size : store.all().size).toBe(0)
    })

    it('a new session whose cookie has left can be changed on', async () => {
      const stream = (manager: SessionManager) => async (ctx: Context, res: ServerResponse) => {
        manager.put(ctx, 'foo', 'first')
        res.write('x')
        await turn()
        manager.put(ctx, 'foo', 'second')
        res.end()
      }
      await using server = await site(
        { '/stream': stream, '/get': get },
        { protocol, store: makeStore() },
      )
      await server.client.get('/stream')
      expect((await server.client.get('/get')).body).toBe('second')
    })

    it('a handler that throws before the first byte is answered by errorFunc, and nothing is committed', async () => {
      const fail = (manager: SessionManager) => (ctx: Context) => {
        manager.put(ctx, 'foo', 'lost')
        throw new Error('ouch')
      }
      const reject = (manager: SessionManager) => async (ctx: Context, res: ServerResponse) => {
        res.setHeader('X-Handler', '1')
        manager.put(ctx, 'foo', 'lost')
        await turn()
        throw new Error('ouch')
      }
      const store = makeStore()
      await using server = await site({ '/throw': fail, '/reject': reject }, { protocol, store })
      for (const path of ['/throw', '/reject']) {
        const answer = await server.client.get(path)
        expect(answer.status).toBe(500)
        expect(answer.body).toBe('failed: ouch')
        expect(answer.header('set-cookie')).toEqual([])
        expect(answer.header('x-handler')).toEqual([])
        expect(answer.header('vary')).toEqual(['Cookie'])
      }
      expect(store instanceof RecordingStore ? store.size : store.all().size).toBe(0)
    })

    it('a handler that throws after the first byte has its connection cut; the commit stands', async () => {
      const fail = (manager: SessionManager) => async (ctx: Context, res: ServerResponse) => {
        manager.put(ctx, 'foo', 'kept')
        res.write('x')
        await turn()
        throw new Error('ouch')
      }
      const store = makeStore()
      await using server = await site({ '/fail': fail }, { protocol, store })
      await expect(server.client.get('/fail')).rejects.toThrow()
      for (let i = 0; i < 10; i++) await turn()
      expect(store instanceof RecordingStore ? store.size : store.all().size).toBe(1)
      expect(server.errors).toEqual([expect.objectContaining({ message: 'ouch' })])
    })

    it('two managers keep two sessions in one request, the inner commits first', async () => {
      const outer = new SessionManager({ store: makeStore(), cookie: { name: 'outer' } })
      const inner = new SessionManager({ store: makeStore(), cookie: { name: 'inner' } })
      await using server = await serve(
        outer.loadAndSave(
          inner.loadAndSave((req, res) => {
            const ctx = contextOf(req)
            if (req.url === '/put') {
              outer.put(ctx, 'a', 'of outer')
              inner.put(ctx, 'a', 'of inner')
              res.end()
            } else res.end(`${outer.getString(ctx, 'a')}, ${inner.getString(ctx, 'a')}`)
          }),
        ),
        protocol,
      )
      const client = new Client(server.url)
      const answer = await client.get('/put')
      expect(answer.header('set-cookie').map((line) => line.slice(0, 6))).toEqual([
        'inner=',
        'outer=',
      ])
      expect(answer.header('vary')).toEqual(['Cookie', 'Cookie'])
      expect(answer.header('cache-control')).toEqual(Array(2).fill('no-cache="Set-Cookie"'))
      expect((await client.get('/')).body).toBe('of outer, of inner')
    })

    it('one manager twice is one session', async () => {
      const manager = new SessionManager({ store: makeStore() })
      await using server = await serve(
        manager.loadAndSave(
          manager.loadAndSave((req, res) => {
            const ctx = contextOf(req)
            if (req.url === '/put') manager.put(ctx, 'a', 'b')
            res.end(manager.getString(ctx, 'a'))
          }),
        ),
        protocol,
      )
      const client = new Client(server.url)
      await client.get('/put')
      expect((await client.get('/')).body).toBe('b')
    })

    describe('a client that went away before its answer', () => {
      const handlers: Record<string, (manager: SessionManager) => Handler> = {
        'by a handler that goes on and ends': (manager) => async (ctx, res) => {
          await once(res, 'close')
          manager.put(ctx, 'foo', 'kept')
        },
        'by a handler that has ended before': (manager) => async (ctx) => {
          manager.put(ctx, 'foo', 'kept')
        },
        'by a handler of callbacks': (manager) => (ctx) => manager.put(ctx, 'foo', 'kept'),
        'by a callback that comes later': (manager) => (ctx, res) => {
          res.once('close', () => setImmediate(() => manager.put(ctx, 'foo', 'kept')))
        },
        'by a handler that still tries to answer': (manager) => async (ctx, res) => {
          manager.put(ctx, 'foo', 'kept')
          await once(res, 'close')
          res.end('x')
        },
      }
      for (const [how, handler] of Object.entries(handlers)) {
        it(`leaves what was changed ${how}`, async () => {
          const store = makeStore()
          await using server = await site({ '/': handler }, { protocol, store })
          const opened = server.client.open('/')
          const [, res] = (await once(server.server, 'request')) as [unknown, ServerResponse]
          opened.abort()
          await once(res, 'close')
          for (let i = 0; i < 20; i++) await turn()
          expect(store instanceof RecordingStore ? store.size : store.all().size).toBe(1)
        })
      }

      it('leaves nothing of a handler that fails then', async () => {
        const store = makeStore()
        const fail = (manager: SessionManager) => async (ctx: Context, res: ServerResponse) => {
          manager.put(ctx, 'foo', 'lost')
          await once(res, 'close')
          await turn()
          throw new Error('ouch')
        }
        await using server = await site({ '/': fail }, { protocol, store })
        const opened = server.client.open('/')
        const [, res] = (await once(server.server, 'request')) as [unknown, ServerResponse]
        opened.abort()
        await once(res, 'close')
        for (let i = 0; i < 20; i++) await turn()
        expect(store instanceof RecordingStore ? store.size : store.all().size).toBe(0)
      })
    })
  })
}

describe.each(protocols)('a store that fails, over %s', (protocol) => {
  for (const turns of [0, 2]) {
    const when = turns === 0 ? 'at once' : 'some turns later'
    let store: RecordingStore
    beforeEach(() => {
      store = new RecordingStore(turns)
    })

    it(`in find, ${when}: errorFunc answers, the handler does not run`, async () => {
      const ran = vi.fn()
      await using server = await site({ '/': () => ran }, { protocol, store })
      store.failing.set('find', new Error('db down'))
      server.client.cookies.set('session', 'abc')
      const answer = await server.client.get('/')
      expect(answer).toMatchObject({ status: 500, body: 'failed: db down' })
      expect(answer.header('vary')).toEqual(['Cookie'])
      expect(ran).not.toHaveBeenCalled()
    })

    it(`in commit, ${when}: one clean answer, no cookie, no byte of the handler`, async () => {
      const secret = (manager: SessionManager) => (ctx: Context, res: ServerResponse) => {
        manager.put(ctx, 'foo', 'bar')
        res.setHeader('X-Handler', '1')
        res.write('SECRET')
        res.end('SECRET')
      }
      await using server = await site({ '/': secret }, { protocol, store })
      store.failing.set('commit', new Error('disk full'))
      const answer = await server.client.get('/')
      expect(answer).toMatchObject({ status: 500, body: 'failed: disk full' })
      expect([answer.header('x-handler'), answer.header('set-cookie')]).toEqual([[], []])
    })

    it(`in a late commit, ${when}: onError hears of it, and the connection is cut`, async () => {
      const late = (manager: SessionManager) => async (ctx: Context, res: ServerResponse) => {
        res.write('x')
        await turn()
        store.failing.set('commit', new Error('disk full'))
        manager.put(ctx, 'foo', 'late')
        res.end('y')
      }
      await using server = await site({ '/put': put, '/late': late }, { protocol, store })
      await server.client.get('/put')
      await expect(server.client.get('/late')).rejects.toThrow()
      expect(server.errors).toEqual([expect.objectContaining({ message: 'disk full' })])
    })

    it(`in the delete of a renewed session's old row, ${when}: the commit has failed, and the new row is gone`, async () => {
      const renew = (manager: SessionManager) => async (ctx: Context, res: ServerResponse) => {
        await manager.renewToken(ctx)
        const remove = store.delete.bind(store)
        store.delete = () => {
          store.delete = remove
          if (turns === 0) throw new Error('no delete')
          return Promise.reject(new Error('no delete'))
        }
        res.end('SECRET')
      }
      await using server = await site(
        { '/put': put, '/renew': renew, '/get': get },
        { protocol, store },
      )
      await server.client.get('/put')
      const answer = await server.client.get('/renew')
      expect(answer).toMatchObject({ status: 500, body: 'failed: no delete' })
      expect(answer.header('set-cookie')).toEqual([])
      expect(store.size).toBe(1)
      expect((await server.client.get('/get')).body).toBe('bar')
    })

    it(`in an outer commit, ${when}: the inner session's cookie stays on the answer`, async () => {
      const inner = new SessionManager({ cookie: { name: 'inner' } })
      const outer = new SessionManager({
        store,
        cookie: { name: 'outer' },
        errorFunc: (_req, res) => {
          res.statusCode = 500
          res.end('outer failed')
        },
      })
      store.failing.set('commit', new Error('disk full'))
      await using server = await serve(
        outer.loadAndSave(
          inner.loadAndSave((req, res) => {
            outer.put(contextOf(req), 'a', 1)
            inner.put(contextOf(req), 'a', 1)
            res.end('SECRET')
          }),
        ),
        protocol,
      )
      const answer = await new Client(server.url).get('/')
      expect(answer).toMatchObject({ status: 500, body: 'outer failed' })
      expect(answer.header('set-cookie').map((line) => line.slice(0, 6))).toEqual(['inner='])
      expect(answer.header('cache-control')).toEqual(['no-cache="Set-Cookie"'])
    })

    it(`in find of the inner manager, ${when}: the outer session is committed with the answer`, async () => {
      const outer = new SessionManager({ cookie: { name: 'outer' } })
      const inner = new SessionManager({
        store,
        cookie: { name: 'inner' },
        errorFunc: (_req, res) => void res.writeHead(503).end('inner failed'),
      })
      store.failing.set('find', new Error('db down'))
      const wrapped = inner.loadAndSave((_req, res) => res.end('SECRET'))
      await using server = await serve(
        outer.loadAndSave((req, res) => {
          outer.put(contextOf(req), 'a', 1)
          wrapped(req, res)
        }),
        protocol,
      )
      const client = new Client(server.url)
      client.cookies.set('inner', 'abc')
      const answer = await client.get('/')
      expect(answer).toMatchObject({ status: 503, body: 'inner failed' })
      expect(answer.header('set-cookie').map((line) => line.slice(0, 6))).toEqual(['outer='])
    })
  }
})

describe('errorFunc', () => {
  const failing = () => {
    const store = new RecordingStore()
    store.failing.set('commit', new Error('disk full'))
    return store
  }

  it('logs and answers with a plain 500 by default', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {})
    const manager = new SessionManager({ store: failing() })
    await using server = await serve(
      manager.loadAndSave((req, res) => {
        manager.put(contextOf(req), 'a', 1)
        res.end('SECRET')
      }),
    )
    const answer = await new Client(server.url).get('/')
    expect(answer).toMatchObject({ status: 500, body: 'Internal Server Error\n' })
    expect(answer.header('content-type')).toEqual(['text/plain; charset=utf-8'])
    expect(answer.header('x-content-type-options')).toEqual(['nosniff'])
    expect(log).toHaveBeenCalledOnce()
    log.mockRestore()
  })

  it('that writes nothing makes an empty 200, as in SCS', async () => {
    await using server = await site({ '/': put }, { store: failing(), errorFunc: () => {} })
    expect(await server.client.get('/')).toMatchObject({ status: 200, body: '' })
  })

  it('may take its time', async () => {
    await using server = await site(
      { '/': put },
      {
        store: failing(),
        errorFunc: async (_req, res) => {
          await turn()
          res.writeHead(503)
          await turn()
          res.write('sorry')
        },
      },
    )
    expect(await server.client.get('/')).toMatchObject({ status: 503, body: 'sorry' })
  })

  it('whose output has lost its asynchronous context leaves an error, not an empty success', async () => {
    const elsewhere = new EventEmitter()
    await using server = await site(
      { '/': put },
      {
        store: failing(),
        errorFunc: (_req, res) =>
          new Promise<void>((resolve) => {
            elsewhere.once('answer', () => {
              res.end('from elsewhere')
              resolve()
            })
          }),
      },
    )
    const answer = server.client.get('/')
    await vi.waitUntil(() => elsewhere.listenerCount('answer') === 1)
    elsewhere.emit('answer')
    expect(await answer).toMatchObject({ status: 500, body: '' })
  })

  for (const [how, errorFunc] of Object.entries({
    throws: () => {
      throw new Error('me too')
    },
    rejects: async () => {
      await turn()
      throw new Error('me too')
    },
  })) {
    it(`that ${how} is reported, and the answer is a plain 500`, async () => {
      await using server = await site({ '/': put }, { store: failing(), errorFunc })
      expect(await server.client.get('/')).toMatchObject({
        status: 500,
        body: 'Internal Server Error\n',
      })
      expect(server.errors).toEqual([expect.objectContaining({ message: 'me too' })])
    })
  }

  it('that throws in the middle of its answer has the connection cut', async () => {
    await using server = await site(
      { '/': put },
      {
        store: failing(),
        errorFunc: (_req, res) => {
          res.write('half')
          throw new Error('me too')
        },
      },
    )
    await expect(server.client.get('/')).rejects.toThrow()
  })
})

describe('the context of a request', () => {
  it('has the values of the context that was bound before', async () => {
    const user = contextKey<string>('user')
    const manager = new SessionManager()
    const wrapped = manager.loadAndSave((req, res) =>
      res.end(contextOf(req).value(user) ?? 'nobody'),
    )
    await using server = await serve((req, res) => {
      bindContext(req, withValue(contextOf(req), user, 'Ann'))
      wrapped(req, res)
    })
    expect((await new Client(server.url).get('/')).body).toBe('Ann')
  })

  it('has a signal that is aborted when the client goes, and not when it has its answer', async () => {
    const aborted: boolean[] = []
    const signal = () => async (ctx: Context, res: ServerResponse, req: IncomingMessage) => {
      if (req.url === '/answer') res.end('x')
      await once(res, 'close')
      aborted.push(ctx.signal?.aborted ?? false)
      res.end()
    }
    const early = () => async (ctx: Context, res: ServerResponse) => {
      const { signal } = ctx
      await once(res, 'close')
      aborted.push(signal?.aborted ?? false)
    }
    await using server = await site({ '/answer': signal, '/wait': signal, '/early': early })
    await server.client.get('/answer')
    for (const path of ['/wait', '/early']) {
      const socket = connect(server.port, '127.0.0.1')
      socket.write(request(`GET ${path}`))
      await once(server.server, 'request')
      await turn()
      socket.destroy()
      await vi.waitUntil(() => aborted.length >= (path === '/wait' ? 2 : 3))
    }
    expect(aborted).toEqual([false, true, true])
  })
})

describe('a client that goes away while its session is looked up', () => {
  it('is not answered, the handler does not run, and nobody calls it an error', async () => {
    const asked = Promise.withResolvers<void>()
    const store = new RecordingStore()
    store.find = () => {
      asked.resolve()
      return new Promise(() => {})
    }
    const ran = vi.fn()
    const failed: unknown[] = []
    await using server = await site(
      { '/': () => ran },
      { store, errorFunc: (_req, _res, error) => failed.push(error) },
    )
    const socket = connect(server.port, '127.0.0.1')
    socket.write(request('GET /', { Cookie: 'session=abc' }))
    await asked.promise
    socket.destroy()
    for (let i = 0; i < 20; i++) await turn()
    expect(ran).not.toHaveBeenCalled()
    expect([failed, server.errors]).toEqual([[], []])
  })
})

describe('bad cookie headers', () => {
  const valid = 'A'.repeat(43)
  const headers: Record<string, string> = {
    'a token that is too long': `session=${'A'.repeat(44)}`,
    'another alphabet': 'session=a+b/c==',
    'percent escapes': 'session=%41%00',
    'an encoded NUL': 'session=abc%00',
    quotes: `session="${valid}"`,
    'an empty value': 'session=',
    'no value': 'session',
    'semicolons alone': ';;;;',
    'bytes over 127': 'session=\u00e9\u00ff',
    '64 KB': `x=${'y'.repeat(60_000)}; session=!`,
  }
  for (const [name, header] of Object.entries(headers)) {
    it(`${name}: no session, no store call, no 500`, async () => {
      const store = new RecordingStore()
      const manager = new SessionManager({ store })
      const { createServer } = await import('node:http')
      const server = createServer(
        { maxHeaderSize: 128 * 1024 },
        manager.loadAndSave((req, res) => res.end(manager.status(contextOf(req)))),
      )
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as { port: number }
      const wire = await exchange(port, request('GET /', { Cookie: header }))
      server.close()
      expect(wire).toMatch(/^HTTP\/1\.1 200 OK/)
      expect(wire).toMatch(/unmodified$|unmodified\r\n/)
      expect(store.calls).toEqual([])
    })
  }
})
