import { background } from '@scs/core'
import { expect } from 'vitest'
import { conversation } from '../conversation.ts'
import { get, put, putAndWrite } from '../routes.ts'
import type { Route } from '../stage.ts'

// What express-session's own test-suite checks and nothing else here does: docs/express-session-tests.md is the list.

conversation('end(null) is an empty answer', { needs: ['raw'] }, async (stage) => {
  const { client } = await stage.open({ '/': putAndWrite((res) => res.end(null)), '/get': get })
  const answer = await client.get('/')
  expect([answer.status, answer.body]).toEqual([200, ''])
  expect((await client.get('/get')).body).toBe('bar')
})

conversation(
  'a header that is set after end is refused where nothing is held',
  { needs: ['raw'] },
  async (stage) => {
    const refused: unknown[] = []
    const setTooLate: Route = ({ raw }) => {
      const { res } = raw()
      res.end()
      try {
        res.setHeader('Content-Length', '3')
      } catch (error) {
        refused.push((error as NodeJS.ErrnoException).code)
      }
    }
    const { client } = await stage.open({ '/': setTooLate, '/put': put })
    for (const path of ['/', '/put', '/']) {
      const answer = await client.get(path)
      expect([answer.status, answer.body]).toEqual([200, ''])
    }
    const code = `ERR_HTTP${stage.kind.protocol === 'http' ? '' : '2'}_HEADERS_SENT`
    expect(refused).toEqual([code, code])
  },
)

conversation(
  'a length that is set after end does not break the answer, held or not',
  { needs: ['raw'] },
  async (stage) => {
    const setTooLate = putAndWrite((res) => {
      res.end('whole')
      try {
        res.setHeader('Content-Length', '3')
      } catch {}
    })
    const { client } = await stage.open({ '/': setTooLate })
    for (let i = 0; i < 2; i++) {
      const answer = await client.get('/')
      expect([answer.status, answer.body]).toEqual([200, 'whole'])
    }
  },
)

conversation('the cookie ends with the deadline, however far that is moved', async (stage) => {
  const until =
    (time: string): Route =>
    (exchange, manager) => {
      manager.setDeadline(exchange.ctx, new Date(time))
      return exchange.answer({ body: manager.getString(exchange.ctx, 'foo') })
    }
  const { client } = await stage.open({
    '/put': put,
    '/2100': until('2100-01-01T00:00:00Z'),
    '/2099': until('2099-01-01T00:00:00Z'),
    '/past': until('2000-01-01T00:00:00Z'),
    '/get': get,
  })
  await client.get('/put')
  const further = await client.get('/2100')
  expect(further.header('set-cookie')[0]).toContain('Expires=Fri, 01 Jan 2100 00:00:01 GMT')
  const nearer = await client.get('/2099')
  expect(nearer.header('set-cookie')[0]).toContain('Expires=Thu, 01 Jan 2099 00:00:01 GMT')
  expect(nearer.body).toBe('bar')
  const { cookieHeader: cookie } = client
  expect((await client.get('/past')).header('set-cookie')[0]).toContain('Max-Age=0')
  expect((await client.get('/get', { headers: { cookie } })).body).toBe('')
})

conversation('a session can be read afresh while its request runs', async (stage) => {
  const readAfresh: Route = async (exchange, manager) => {
    const { ctx } = exchange
    const before = manager.getString(ctx, 'foo')
    await other.get(`/${exchange.query.get('meanwhile')}`)
    const fresh = await manager.load(background(), manager.token(ctx))
    const seen = [before, manager.getString(ctx, 'foo'), manager.getString(fresh, 'foo')]
    return exchange.answer({ body: seen.join(',') })
  }
  const change: Route = (exchange, manager) => {
    manager.put(exchange.ctx, 'foo', 'changed')
    return exchange.answer({})
  }
  const destroy: Route = async (exchange, manager) => {
    await manager.destroy(exchange.ctx)
    return exchange.answer({})
  }
  const site = await stage.open({
    '/': readAfresh,
    '/put': put,
    '/change': change,
    '/end': destroy,
  })
  const { client } = site
  const other = stage.connect(site)
  await client.get('/put')
  other.cookies.set('session', client.cookies.get('session') ?? '')
  expect((await client.get('/?meanwhile=change')).body).toBe('bar,bar,changed')
  expect((await client.get('/?meanwhile=end')).body).toBe('changed,changed,')
})
