import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { conversation } from '../conversation.ts'
import { get, putAndWrite } from '../routes.ts'
import type { Route, Site, Stage } from '../stage.ts'
import { until } from '../until.ts'

const needs = ['raw'] as const

/** Has a client ask, and leave when its request has come; done when the server knows. */
async function askAndLeave(stage: Stage, route: Route): Promise<Site> {
  const [came, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const site = await stage.open({
    '/': (exchange, manager) => {
      const { signal } = exchange.ctx
      signal?.addEventListener('abort', () => gone.resolve())
      came.resolve()
      return route(exchange, manager)
    },
    '/get': get,
  })
  const opened = site.client.open('/')
  await came.promise
  opened.abort()
  await gone.promise
  return site
}

describe('a client that went away before its answer leaves what was changed', () => {
  conversation('by a handler that heard of it', { needs: ['connection'] }, async (stage) => {
    const { store } = await askAndLeave(stage, async (exchange, manager) => {
      await once(exchange.ctx.signal as AbortSignal, 'abort')
      manager.put(exchange.ctx, 'foo', 'kept')
      return exchange.answer({ body: 'x' })
    })
    await until(() => store.size === 1)
  })

  const handlers: Record<string, Route> = {
    'by a handler that goes on, and does not answer': async (exchange, manager) => {
      await once(exchange.raw().res, 'close')
      manager.put(exchange.ctx, 'foo', 'kept')
    },
    'by a handler that was done before, and did not answer': async (exchange, manager) => {
      exchange.raw()
      manager.put(exchange.ctx, 'foo', 'kept')
    },
    'by a callback that comes later': (exchange, manager) => {
      const { res } = exchange.raw()
      res.once('close', () => setImmediate(() => manager.put(exchange.ctx, 'foo', 'kept')))
    },
    'by a handler that still tries to answer': async (exchange, manager) => {
      const { res } = exchange.raw()
      manager.put(exchange.ctx, 'foo', 'kept')
      await once(res, 'close')
      res.end('x')
    },
  }
  for (const [name, handler] of Object.entries(handlers)) {
    conversation(name, { needs }, async (stage) => {
      const { store } = await askAndLeave(stage, handler)
      await until(() => store.size === 1)
    })
  }

  conversation('by a handler whose answer was held', { needs }, async (stage) => {
    const closed = Promise.withResolvers<unknown>()
    const { client, store } = await stage.open({
      '/': putAndWrite((res) => {
        res.once('close', closed.resolve)
        res.write('x')
        res.end('y')
      }),
      '/get': get,
    })
    const hold = store.hold()
    const opened = client.open('/')
    await hold.arrived
    opened.abort()
    await closed.promise
    hold.release()
    await until(() => store.size === 1)
    // No crash, and the next one is served.
    expect((await client.get('/get')).status).toBe(200)
  })
})

conversation(
  'a client that goes away leaves nothing of a handler that fails then',
  { needs: ['raw', 'errorFunc'] },
  async (stage) => {
    const failed = Promise.withResolvers<void>()
    const { store, client } = await askAndLeave(stage, async (exchange, manager) => {
      const { res } = exchange.raw()
      manager.put(exchange.ctx, 'foo', 'lost')
      await once(res, 'close')
      await turn()
      failed.resolve()
      throw new Error('ouch')
    })
    await failed.promise
    // By then anything that was to be written would have been begun.
    expect((await client.get('/get')).status).toBe(200)
    expect([store.size, store.writes]).toEqual([0, 0])
  },
)

conversation(
  'a client that goes away in the middle of a stream leaves what was changed',
  { needs },
  async (stage) => {
    const { client, store } = await stage.open({
      '/': async (exchange, manager) => {
        const { res } = exchange.raw()
        manager.put(exchange.ctx, 'foo', 'first')
        res.write('x')
        await once(res, 'close')
        manager.put(exchange.ctx, 'foo', 'second')
      },
      '/get': get,
    })
    const opened = client.open('/')
    client.keep((await opened.head()).header('set-cookie'))
    expect(await opened.read()).toBe('x')
    const writes = store.writes
    opened.abort()
    await until(() => store.writes > writes)
    await until(() => store.pending === 0)
    expect((await client.get('/get')).body).toBe('second')
  },
)
