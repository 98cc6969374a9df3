import { expect } from 'vitest'
import { conversation } from '../conversation.ts'
import { get, put } from '../routes.ts'
import type { Route } from '../stage.ts'

// session_test.go TestEnable
conversation(
  'a put sets a cookie, a get sets none, a second put keeps the token',
  async (stage) => {
    const { client } = await stage.open({ '/put': put, '/get': get })
    const first = await client.get('/put')
    const token = client.cookies.get('session')
    expect(first.header('set-cookie')).toHaveLength(1)
    expect(first.header('cache-control')).toEqual(['no-cache="Set-Cookie"'])
    expect(first.header('vary')).toEqual(['Cookie'])

    const second = await client.get('/get')
    expect(second.body).toBe('bar')
    expect(second.header('set-cookie')).toEqual([])
    expect(second.header('cache-control')).toEqual([])
    expect(second.header('vary')).toEqual(['Cookie'])

    await client.get('/put')
    expect(client.cookies.get('session')).toBe(token)
  },
)

// session_test.go TestDestroy
conversation('destroy deletes the session and its cookie', async (stage) => {
  const destroy: Route = async (exchange, manager) => {
    await manager.destroy(exchange.ctx)
    return exchange.answer({})
  }
  const { client, store } = await stage.open({ '/put': put, '/get': get, '/destroy': destroy })
  await client.get('/put')
  const cookie = client.cookieHeader
  const [line = ''] = (await client.get('/destroy')).header('set-cookie')
  expect(line).toMatch(/^session=;/)
  expect(line).toContain('Expires=Thu, 01 Jan 1970 00:00:01 GMT')
  expect(line).toContain('Max-Age=0')
  expect(store.size).toBe(0)
  expect((await client.get('/get', { headers: { cookie } })).body).toBe('')
})

// session_test.go TestRenewToken
conversation(
  'renewToken changes the token and keeps the data; the old one is dead',
  async (stage) => {
    const renew: Route = async (exchange, manager) => {
      await manager.renewToken(exchange.ctx)
      return exchange.answer({})
    }
    const { client } = await stage.open({ '/put': put, '/get': get, '/renew': renew })
    await client.get('/put')
    const cookie = client.cookieHeader
    await client.get('/renew')
    expect(client.cookieHeader).not.toBe(cookie)
    expect((await client.get('/get')).body).toBe('bar')
    expect((await client.get('/get', { headers: { cookie } })).body).toBe('')
  },
)

// session_test.go TestRememberMe
conversation('rememberMe decides whether the cookie outlives the browser', async (stage) => {
  const remember =
    (value: boolean): Route =>
    (exchange, manager) => {
      manager.rememberMe(exchange.ctx, value)
      return exchange.answer({})
    }
  const { client } = await stage.open(
    { '/put': put, '/on': remember(true), '/off': remember(false) },
    { cookie: { persist: false } },
  )
  const lasting = /Max-Age=\d+.*Expires=|Expires=.*Max-Age=\d+/
  expect((await client.get('/put')).header('set-cookie')[0]).not.toMatch(/Max-Age|Expires/)
  expect((await client.get('/on')).header('set-cookie')[0]).toMatch(lasting)
  expect((await client.get('/put')).header('set-cookie')[0]).toMatch(lasting)
  expect((await client.get('/off')).header('set-cookie')[0]).not.toMatch(/Max-Age|Expires/)
})

// session_test.go TestIterate
conversation('iterate comes to every session, and can destroy it', async (stage) => {
  const revoke: Route = async (exchange, manager) => {
    await manager.iterate(exchange.ctx, async (ctx) => {
      if (manager.getString(ctx, 'name') === exchange.query.get('name')) await manager.destroy(ctx)
    })
    return exchange.answer({})
  }
  const name: Route = (exchange, manager) => {
    const name = exchange.query.get('name')
    if (name) manager.put(exchange.ctx, 'name', name)
    return exchange.answer({ body: manager.getString(exchange.ctx, 'name') })
  }
  const site = await stage.open({ '/name': name, '/revoke': revoke })
  const [ann, bob] = [stage.connect(site), stage.connect(site)]
  await Promise.all([ann.get('/name?name=Ann'), bob.get('/name?name=Bob')])
  await site.client.get('/revoke?name=Bob')
  expect((await ann.get('/name')).body).toBe('Ann')
  expect((await bob.get('/name')).body).toBe('')
  expect(site.store.size).toBe(1)
})

conversation('a token that the client invented is never adopted', async (stage) => {
  const { client } = await stage.open({ '/put': put })
  const invented = 'A'.repeat(43)
  client.cookies.set('session', invented)
  await client.get('/put')
  expect(client.cookies.get('session')).toMatch(/^[\w-]{43}$/)
  expect(client.cookies.get('session')).not.toBe(invented)
})

conversation('a redirect leaves when the session is in the store', async (stage) => {
  const login: Route = (exchange, manager) => {
    manager.put(exchange.ctx, 'foo', 'bar')
    return exchange.redirect('/get')
  }
  const { client, store } = await stage.open({ '/login': login, '/get': get })
  const opened = client.open('/login')
  const { status, header } = await opened.head()
  expect(store.size).toBe(1)
  expect([status, header('location')]).toEqual([302, ['/get']])
  client.keep(header('set-cookie'))
  expect((await client.get('/get')).body).toBe('bar')
})

conversation('an answer with cookies of its own keeps them beside the session', async (stage) => {
  const { client } = await stage.open({
    '/': (exchange, manager) => {
      manager.put(exchange.ctx, 'foo', 'bar')
      return exchange.answer({ headers: { 'Set-Cookie': ['a=1', 'b=2'] }, body: 'x' })
    },
  })
  const names = (await client.get('/')).header('set-cookie').map((line) => line.split('=')[0])
  expect(names).toEqual(['a', 'b', 'session'])
})

conversation(
  'what an answer allows caches does not reach one that has the cookie',
  async (stage) => {
    const headers = { 'Cache-Control': 'public, max-age=60' }
    const { client } = await stage.open({
      '/put': (exchange, manager) => {
        manager.put(exchange.ctx, 'foo', 'bar')
        return exchange.answer({ headers, body: 'x' })
      },
      '/': (exchange) => exchange.answer({ headers, body: 'x' }),
    })
    const withCookie = (await client.get('/put')).header('cache-control').join(', ')
    expect(withCookie).toContain('private')
    expect(withCookie).not.toContain('public')
    expect((await client.get('/')).header('cache-control')).toEqual(['public, max-age=60'])
  },
)

conversation('the handler is told method, path, query and headers', async (stage) => {
  const { client } = await stage.open({
    '/a/b': ({ method, path, query, headers, answer }) =>
      answer({
        status: 201,
        headers: { 'X-A': '1' },
        body: [method, path, query.get('q'), headers['x-b']].join(),
      }),
  })
  const answer = await client.get('/a/b?q=1', {
    method: 'POST',
    headers: { 'x-b': '2' },
    body: 'z',
  })
  expect([answer.status, answer.header('x-a'), answer.body]).toEqual([201, ['1'], 'POST,/a/b,1,2'])
})
