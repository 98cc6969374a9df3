import { expect } from 'vitest'
import { conversation } from '../conversation.ts'
import type { Route } from '../stage.ts'

const put: Route = (exchange, manager) => {
  manager.put(exchange.ctx, 'foo', 'bar')
  return exchange.answer({})
}
const get: Route = (exchange, manager) =>
  exchange.answer({ body: manager.getString(exchange.ctx, 'foo') })

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
  const { client, store } = await stage.open({
    '/put': put,
    '/get': get,
    '/destroy': async (exchange, manager) => {
      await manager.destroy(exchange.ctx)
      return exchange.answer({})
    },
  })
  await client.get('/put')
  const cookie = client.cookieHeader
  const [line = ''] = (await client.get('/destroy')).header('set-cookie')
  expect(line).toMatch(/^session=;/)
  expect(line).toContain('Expires=Thu, 01 Jan 1970 00:00:01 GMT')
  expect(line).toContain('Max-Age=0')
  expect(store.size).toBe(0)
  expect((await client.get('/get', { headers: { cookie } })).body).toBe('')
})

conversation('a redirect leaves when the session is in the store', async (stage) => {
  const { client, store } = await stage.open({
    '/login': (exchange, manager) => {
      manager.put(exchange.ctx, 'foo', 'bar')
      return exchange.redirect('/get')
    },
    '/get': get,
  })
  const { status, header } = await client.get('/login')
  expect(store.size).toBe(1)
  expect([status, header('location')]).toEqual([302, ['/get']])
  expect((await client.get('/get')).body).toBe('bar')
})
