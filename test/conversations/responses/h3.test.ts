import { contextOf, SessionManager } from '@scs/core'
import { loadAndSave } from '@scs/express'
import {
  createApp,
  createEvent,
  defineEventHandler,
  type EventHandler,
  fromNodeMiddleware,
  toNodeListener,
} from 'h3'
import { callNodeRequestHandler } from 'node-mock-http'
import { describe, expect, it } from 'vitest'
import { CaseStore } from '../stores.ts'

// What Nuxt does for `useFetch('/api/x')` while it renders: a call within the process, whose response is read when h3 is done.

function handlers(manager: SessionManager) {
  const app = createApp()
  app.use(
    '/put',
    defineEventHandler((event) => {
      manager.put(contextOf(event.node.req), 'name', 'Ada')
      return 'hello'
    }),
  )
  app.use(
    '/get',
    defineEventHandler((event) => manager.getString(contextOf(event.node.req), 'name')),
  )
  return app
}

/** As `docs/serverless.md` shows it: the listener is awaited around all handlers of the application. */
function around(manager: SessionManager) {
  const app = handlers(manager)
  const { handler } = app
  const listener = manager.loadAndSave((req, res) => {
    const event = createEvent(req, res)
    return handler(event)
  })
  app.handler = (async (event) => {
    await listener(event.node.req, event.node.res)
  }) as EventHandler
  return app
}

describe.each([0, 5])('with a store that takes %i ms', (ms) => {
  it('an inner call has the whole response when the listener is awaited', async () => {
    const manager = new SessionManager({ store: new CaseStore(ms) })
    const inner = toNodeListener(around(manager)) as never
    const put = await callNodeRequestHandler(inner, { url: '/put' } as never)
    expect([put.status, put.body]).toEqual([200, 'hello'])
    const [cookie = ''] = [put.headers['set-cookie'] ?? ''].flat()
    expect(cookie).toMatch(/^session=[\w-]{43};/)
    const got = await callNodeRequestHandler(inner, {
      url: '/get',
      headers: { cookie: String(cookie).split(';')[0] },
    } as never)
    expect(got.body).toBe('Ada')
  })

  it('middleware of h3 goes on to its handlers', async () => {
    const manager = new SessionManager({ store: new CaseStore(ms) })
    const app = createApp()
    app.use(fromNodeMiddleware(loadAndSave(manager) as never))
    app.use(
      defineEventHandler(
        (event) => manager.getString(contextOf(event.node.req), 'name') || 'nobody',
      ),
    )
    const got = await callNodeRequestHandler(toNodeListener(app) as never, { url: '/' } as never)
    expect(got.body).toBe('nobody')
  })
})
