// The code of docs/testing.md.
import { once } from 'node:events'
import { createServer, IncomingMessage, type RequestListener, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Socket } from 'node:net'
import {
  background,
  bindContext,
  type Context,
  contextOf,
  hour,
  MemoryStore,
  minute,
  SessionManager,
  type SessionManagerOptions,
} from '@scs/core'
import { afterEach, expect, test, vi } from 'vitest'

// The application. It takes its session manager as an argument, so that a test can give it another.

interface Values {
  userID: number
  visits: number
}

function newManager(options: SessionManagerOptions = {}): SessionManager<Values> {
  return new SessionManager<Values>({ lifetime: 8 * hour, idleTimeout: 20 * minute, ...options })
}

function application(sessionManager: SessionManager<Values>): RequestListener {
  return sessionManager.loadAndSave(async (req, res) => {
    const ctx = contextOf(req)
    if (req.url === '/login') {
      await sessionManager.renewToken(ctx)
      sessionManager.put(ctx, 'userID', 1)
    }
    if (req.url === '/logout') await sessionManager.destroy(ctx)
    if (req.url === '/visit') countVisit(sessionManager, ctx)
    res.end(`user ${sessionManager.getInt(ctx, 'userID')}`)
  })
}

function countVisit(sessionManager: SessionManager<Values>, ctx: Context): void {
  sessionManager.update(ctx, 'visits', (visits = 0) => visits + 1)
}

// What tests need.

/** A session with `values` in the store; gives its token. */
async function sessionOf(
  sessionManager: SessionManager<Values>,
  values: Partial<Values>,
): Promise<string> {
  const ctx = await sessionManager.load(background(), undefined)
  for (const key of Object.keys(values) as (keyof Values)[]) {
    const value = values[key]
    if (value !== undefined) sessionManager.put(ctx, key, value)
  }
  const committed = await sessionManager.commit(ctx)
  return committed?.token ?? ''
}

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0)
  await once(server, 'listening')
  cleanups.push(() => server.close())
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

// The tests.

test('a visitor who is signed in is greeted by number', async () => {
  const sessionManager = newManager()
  const url = await serve(application(sessionManager))
  const token = await sessionOf(sessionManager, { userID: 7 })
  const response = await fetch(url, {
    headers: { cookie: `${sessionManager.cookie.name}=${token}` },
  })
  expect(await response.text()).toBe('user 7')
})

test('a login changes the token, and keeps what was in the session', async () => {
  const sessionManager = newManager()
  const url = await serve(application(sessionManager))
  const token = await sessionOf(sessionManager, { visits: 3 })
  const response = await fetch(`${url}/login`, { headers: { cookie: `session=${token}` } })

  const [line = ''] = response.headers.getSetCookie()
  const [, renewed = ''] = /^session=([^;]+)/.exec(line) ?? []
  const ctx = await sessionManager.load(background(), renewed)
  expect(sessionManager.get(ctx, 'userID')).toBe(1)
  expect(sessionManager.get(ctx, 'visits')).toBe(3)
  const old = await sessionManager.load(background(), token)
  expect(sessionManager.exists(old, 'visits')).toBe(false)
})

test('a logout deletes the session and the cookie', async () => {
  const sessionManager = newManager()
  const url = await serve(application(sessionManager))
  const token = await sessionOf(sessionManager, { userID: 7 })
  const response = await fetch(`${url}/logout`, { headers: { cookie: `session=${token}` } })
  expect(response.headers.getSetCookie()[0]).toContain('Max-Age=0')
  const ctx = await sessionManager.load(background(), token)
  expect(sessionManager.keys(ctx)).toEqual([])
})

test('a function that takes a context needs no request', async () => {
  const sessionManager = newManager()
  const ctx = await sessionManager.load(background(), undefined)
  countVisit(sessionManager, ctx)
  countVisit(sessionManager, ctx)
  expect(sessionManager.get(ctx, 'visits')).toBe(2)
  expect(sessionManager.status(ctx)).toBe('modified')
})

test('a handler is called alone, with a session bound to its request', async () => {
  const sessionManager = newManager()
  const ctx = await sessionManager.load(background(), undefined)
  sessionManager.put(ctx, 'userID', 7)
  const req = new IncomingMessage(new Socket())
  bindContext(req, ctx)
  const handler: RequestListener = (req, res) => {
    res.statusCode = sessionManager.exists(contextOf(req), 'userID') ? 200 : 401
  }
  const res = new ServerResponse(req)
  handler(req, res)
  expect(res.statusCode).toBe(200)
})

test('a session that is not used for twenty minutes is over', async () => {
  const sessionManager = newManager()
  const url = await serve(application(sessionManager))
  const token = await sessionOf(sessionManager, { userID: 7 })
  // The Date alone: fake timers would stop the server and the client as well.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 20 * minute })
  const response = await fetch(url, { headers: { cookie: `session=${token}` } })
  expect(await response.text()).toBe('user 0')
})

test('while the store is down, errorFunc answers', async () => {
  class BrokenStore extends MemoryStore {
    override find(): never {
      throw new Error('the store is down')
    }
    override findWithExpiry(): never {
      throw new Error('the store is down')
    }
  }
  const sessionManager = newManager({
    store: new BrokenStore(),
    errorFunc: (_req, res) => res.writeHead(503).end('later'),
  })
  const url = await serve(application(sessionManager))
  const response = await fetch(url, { headers: { cookie: `session=${'a'.repeat(43)}` } })
  expect(response.status).toBe(503)
})
