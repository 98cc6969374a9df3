import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { background, hour, type SessionManager } from '@scs/core'
import { describe, expect } from 'vitest'
import { type Answer, ending } from '../client/opened.ts'
import { conversation } from '../conversation.ts'
import { failure } from '../exchange.ts'
import { get, put, putAndWrite } from '../routes.ts'
import type { Route } from '../stage.ts'
import { until } from '../until.ts'

const needs = ['raw'] as const

const diskFull = () => new Error('disk full')

const secrets = Buffer.alloc(65_536, 'SECRET')

/** Tells as long as the response is not closed. */
function opened(res: ServerResponse): () => boolean {
  let isOpen = true
  res.once('close', () => {
    isOpen = false
  })
  return () => isOpen
}

function* endless(open: () => boolean): Generator<Buffer> {
  while (open()) yield secrets
}

/** Nothing of the handler's, and no cookie. */
function expectCleanFailure({ status, body, bytes, trailers, header }: Answer): void {
  expect([status, body]).toEqual([500, 'failed: disk full'])
  expect({ ...trailers }).toEqual({})
  for (const name of ['set-cookie', 'x-handler', 'etag', 'location', 'content-encoding']) {
    expect(header(name), name).toEqual([])
  }
  expect(header('date')).toEqual([expect.not.stringContaining('1970')])
  const [length] = header('content-length')
  if (length) expect(Number(length)).toBe(bytes.length)
}

describe('a commit that fails leaves one clean answer', () => {
  conversation('in the place of an answer in the manner of the server', async (stage) => {
    const { client, store } = await stage.open({
      '/': (exchange, manager) => {
        manager.put(exchange.ctx, 'foo', 'bar')
        const headers = { 'X-Handler': '1', ETag: '"1"' }
        return exchange.answer({ status: 201, headers, body: 'SECRET' })
      },
    })
    store.fault = diskFull()
    expectCleanFailure(await client.get('/'))
    expect(store.size).toBe(0)
  })

  conversation('in the place of a redirect', async (stage) => {
    const { client, store } = await stage.open({
      '/': (exchange, manager) => {
        manager.put(exchange.ctx, 'foo', 'bar')
        return exchange.redirect('/elsewhere')
      },
    })
    store.fault = diskFull()
    expectCleanFailure(await client.get('/'))
  })

  conversation('in the place of a stream, in the manner of the server', async (stage) => {
    const { client, store } = await stage.open({
      '/': (exchange, manager) => {
        manager.put(exchange.ctx, 'foo', 'bar')
        return exchange.answer({ body: Readable.from(['SECRET', 'SECRET']) })
      },
    })
    store.fault = diskFull()
    expectCleanFailure(await client.get('/'))
  })

  const writings: Record<string, Parameters<typeof putAndWrite>[0]> = {
    'writeHead, write and end': (res) => {
      res.writeHead(201, { 'X-Handler': '1', ETag: '"1"', 'Content-Length': 12 })
      res.write('SECRET')
      res.end('SECRET')
    },
    'flushHeaders, and writes in later turns': async (res) => {
      res.setHeader('X-Handler', '1')
      res.flushHeaders()
      await turn()
      res.write('SECRET')
      await turn()
      res.end()
    },
    'a response with trailers': (res) => {
      res.setHeader('Trailer', 'X-Sum')
      res.write('SECRET')
      res.addTrailers({ 'X-Sum': 'SECRET' })
      res.end()
    },
    'a response with a Date of its own': (res) => {
      res.setHeader('Date', 'Thu, 01 Jan 1970 00:00:00 GMT')
      res.end('SECRET')
    },
    'a response that is corked': (res) => {
      res.cork()
      res.write('SECRET')
      res.write('SECRET')
    },
    'a response that frames itself': (res) => {
      res.setHeader('Transfer-Encoding', 'chunked')
      res.removeHeader('Transfer-Encoding')
      res.setHeader('Content-Length', 6)
      res.strictContentLength = true
      res.end('SECRET')
    },
    'a pipeline': async (res) => {
      const source = Readable.from(Array(20).fill(Buffer.alloc(50_000, 'SECRET')))
      await pipeline(source, res).catch(() => {})
    },
    'a handler that writes after every turn, without end': async (res) => {
      for (const open = opened(res); open(); await turn()) res.write('SECRET')
    },
    // These three wait for nothing but what write and drain tell them.
    'a writer without end that heeds write and drain': async (res) => {
      const closed = once(res, 'close')
      for (const open = opened(res); open(); ) {
        if (!res.write(secrets)) await Promise.race([once(res, 'drain'), closed])
      }
    },
    'a pipe without end': (res) => Readable.from(endless(opened(res))).pipe(res),
    'a pipeline without end': (res) =>
      pipeline(Readable.from(endless(opened(res))), res).catch(() => {}),
  }
  for (const [name, write] of Object.entries(writings)) {
    conversation(`in the place of ${name}`, { needs }, async (stage) => {
      const { client, store } = await stage.open({ '/': putAndWrite(write), '/get': get })
      store.fault = diskFull()
      expectCleanFailure(await client.get('/'))
      store.fault = undefined
      expect((await client.get('/get')).status).toBe(200)
    })
  }

  conversation('to a HEAD', async (stage) => {
    const { client, store } = await stage.open({ '/': put })
    store.fault = diskFull()
    const { status, body, header } = await client.get('/', { method: 'HEAD' })
    expect([status, body, header('set-cookie')]).toEqual([500, '', []])
  })

  conversation('on a connection that serves the next request', async (stage) => {
    const site = await stage.open({ '/put': put, '/get': get })
    const client = stage.connect(site, { keepAlive: true })
    site.store.fault = diskFull()
    expectCleanFailure(await client.get('/put'))
    site.store.fault = undefined
    await client.get('/put')
    expect((await client.get('/get')).body).toBe('bar')
  })

  conversation(
    'and callbacks of what was dropped are called once, with an error',
    { needs },
    async (stage) => {
      const called: unknown[] = []
      const { client, store } = await stage.open({
        '/': putAndWrite((res) => {
          const note = (error?: unknown) => called.push(error instanceof Error)
          res.write('SECRET', note)
          res.end('SECRET', note)
        }),
        '/get': get,
      })
      store.fault = diskFull()
      expectCleanFailure(await client.get('/'))
      await client.get('/get')
      expect(called).toEqual([true, true])
    },
  )
})

conversation(
  'a session that cannot be looked up: errorFunc answers, the handler does not run',
  async (stage) => {
    let runs = 0
    const { client, store } = await stage.open({
      '/': (exchange) => {
        runs++
        return exchange.answer({})
      },
    })
    client.cookies.set('session', 'abc')
    store.readFault = new Error('db down')
    const { status, body, header } = await client.get('/')
    expect([status, body]).toEqual([500, 'failed: db down'])
    expect(header('vary')).toEqual(['Cookie'])
    expect(runs).toBe(0)
  },
)

conversation('errorFunc may answer in a callback', { needs: ['response'] }, async (stage) => {
  const { client, store } = await stage.open(
    { '/put': put, '/get': get },
    {
      errorFunc: (_req, res, error) => {
        setImmediate(() => {
          res.statusCode = 503
          res.end(failure(error))
        })
      },
    },
  )
  store.fault = diskFull()
  expect(await client.get('/put')).toMatchObject({ status: 503, body: 'failed: disk full' })
  store.fault = undefined
  await client.get('/put')
  store.readFault = new Error('db down')
  expect(await client.get('/get')).toMatchObject({ status: 503, body: 'failed: db down' })
})

conversation(
  'an onError that throws or rejects changes nothing: a failed late commit cuts the response',
  { needs },
  async (stage) => {
    for (const onError of [
      () => {
        throw new Error('and onError too')
      },
      () => Promise.reject(new Error('and onError too')),
    ]) {
      const { client, store } = await stage.open(
        {
          '/put': put,
          '/late': async (exchange, manager) => {
            const { res } = exchange.raw()
            res.write('x')
            await turn()
            store.fault = diskFull()
            manager.put(exchange.ctx, 'foo', 'late')
            res.end('y')
          },
        },
        { onError },
      )
      await client.get('/put')
      expect(await ending(client.get('/late'))).toBe('cut')
    }
  },
)

conversation(
  'a late commit that fails is told to onError, and the response is cut',
  { needs },
  async (stage) => {
    const { client, store, errors } = await stage.open({
      '/put': put,
      '/late': async (exchange, manager) => {
        const { res } = exchange.raw()
        res.write('x')
        await turn()
        store.fault = diskFull()
        manager.put(exchange.ctx, 'foo', 'late')
        res.end('y')
      },
    })
    await client.get('/put')
    expect(await ending(client.get('/late'))).toBe('cut')
    expect(errors).toEqual([expect.objectContaining({ message: 'disk full' })])
  },
)

const fail: Route = async (exchange, manager) => {
  manager.put(exchange.ctx, 'foo', 'bar')
  await turn()
  throw new Error('ouch')
}

conversation(
  'a handler that fails is answered by errorFunc, and nothing is committed',
  { needs: ['errorFunc'] },
  async (stage) => {
    const { client, store } = await stage.open({
      '/reject': fail,
      '/throw': (exchange, manager) => {
        manager.put(exchange.ctx, 'foo', 'bar')
        throw new Error('ouch')
      },
    })
    for (const path of ['/reject', '/throw']) {
      const { status, body, header } = await client.get(path)
      expect([status, body, header('set-cookie')]).toEqual([500, 'failed: ouch', []])
      expect(header('vary')).toEqual(['Cookie'])
    }
    expect(store.size).toBe(0)
  },
)

conversation(
  'headers of a handler that fails are not on the answer of errorFunc',
  { needs: ['raw', 'errorFunc'] },
  async (stage) => {
    const { client } = await stage.open({
      '/': (exchange) => {
        exchange.raw().res.setHeader('X-Handler', '1')
        throw new Error('ouch')
      },
    })
    const { status, header } = await client.get('/')
    expect([status, header('x-handler'), header('vary')]).toEqual([500, [], ['Cookie']])
  },
)

conversation(
  'a handler that fails is answered by the framework, and its answer commits',
  { needs: ['own errors'] },
  async (stage) => {
    const { client } = await stage.open({ '/': fail, '/get': get })
    const { status, body, header } = await client.get('/')
    expect(status).toBe(500)
    expect(body).not.toContain('failed:')
    expect(header('set-cookie')).toHaveLength(1)
    expect((await client.get('/get')).body).toBe('bar')
  },
)

conversation(
  'a handler that fails after the first byte has its response cut; the commit stands',
  { needs: ['raw', 'errorFunc'] },
  async (stage) => {
    const { client, store, errors } = await stage.open({
      '/': async (exchange, manager) => {
        manager.put(exchange.ctx, 'foo', 'kept')
        exchange.raw().res.write('x')
        await turn()
        throw new Error('ouch')
      },
    })
    const opened = client.open('/')
    expect(await ending(opened.answer())).toBe('cut')
    await until(() => store.size === 1)
    expect(errors).toEqual([expect.objectContaining({ message: 'ouch' })])
  },
)

// What becomes of the response is the framework's affair: Express cuts it, Koa and Fastify leave it to its client.
conversation(
  'a handler that fails after the first byte, where the framework answers errors: what was put before stays',
  { needs: ['raw', 'own errors'] },
  async (stage) => {
    const failed = Promise.withResolvers<void>()
    const { client, manager, store } = await stage.open({
      '/': async (exchange) => {
        manager.put(exchange.ctx, 'first', 'before the first byte')
        exchange.raw().res.write('x')
        await turn()
        manager.put(exchange.ctx, 'then', 'after it')
        failed.resolve()
        throw new Error('ouch')
      },
    })
    const opened = client.open('/')
    opened.head().catch(() => {})
    await failed.promise
    await until(() => store.size === 1)
    opened.abort()
    await until(async () => (await stored(manager)) === 'before the first byte, after it')
  },
)

async function stored(manager: SessionManager): Promise<string> {
  const found: string[] = []
  await manager.iterate(background(), (ctx) => {
    found.push(`${manager.getString(ctx, 'first')}, ${manager.getString(ctx, 'then')}`)
  })
  return found.join('; ')
}

conversation(
  'a page that only reads is answered, though its session cannot be extended',
  async (stage) => {
    const { client, store, errors } = await stage.open(
      { '/put': put, '/get': get },
      { idleTimeout: hour, touchInterval: 0 },
    )
    await client.get('/put')
    store.fault = new TypeError('read-only database')
    for (let request = 1; request <= 2; request++) {
      const page = await client.get('/get')
      expect([page.status, page.body, page.header('set-cookie')]).toEqual([200, 'bar', []])
      expect(errors).toEqual(Array(request).fill(store.fault))
    }
    expect((await client.get('/put')).status).toBe(500)
    store.fault = undefined
    const page = await client.get('/get')
    expect([page.status, page.body, page.header('set-cookie').length]).toEqual([200, 'bar', 1])
    expect(errors).toHaveLength(2)
  },
)
