import { expect } from 'vitest'
import { conversation } from '../conversation.ts'
import { get, put } from '../routes.ts'
import type { Route, Site, Stage } from '../stage.ts'

const destroy: Route = async (exchange, manager) => {
  await manager.destroy(exchange.ctx)
  return exchange.answer({})
}

const renew: Route = async (exchange, manager) => {
  await manager.renewToken(exchange.ctx)
  return exchange.answer({})
}

const routes = { '/put': put, '/get': get, '/destroy': destroy, '/renew': renew }

/** A new session's token. */
async function begun(stage: Stage, site: Site): Promise<string> {
  const client = stage.connect(site)
  await client.get('/put')
  return client.cookies.get('session') ?? ''
}

/** Sends several cookies of one name, from a client that keeps none. */
function ask(stage: Stage, site: Site, path: string, ...values: string[]) {
  const Cookie = values.map((value) => `session=${value}`).join('; ')
  return stage.connect(site).get(path, { headers: { Cookie } })
}

conversation(
  'of several cookies of one name, the first that has a live session counts',
  async (stage) => {
    const site = await stage.open(routes)
    const token = await begun(stage, site)
    for (const before of [[''], ['%00bad'], ['unknown'], ['', 'a b', 'unknown', 'unknown2']]) {
      expect((await ask(stage, site, '/get', ...before, token, 'unknown3')).body).toBe('bar')
    }
    expect((await ask(stage, site, '/get', 'unknown')).body).toBe('')
    expect(site.errors).toEqual([])
  },
)

conversation(
  'a cookie whose row cannot be decoded is passed over for one that can',
  async (stage) => {
    const site = await stage.open(routes)
    const token = await begun(stage, site)
    await site.store.commit('damaged', Buffer.from('not JSON'), new Date(Date.now() + 60_000))
    expect((await ask(stage, site, '/get', 'damaged', token)).body).toBe('bar')
    expect(site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_UNREADABLE' })])
  },
)

conversation('destroy deletes the sessions of all cookies of the request', async (stage) => {
  const site = await stage.open(routes)
  const [a, b, other] = [
    await begun(stage, site),
    await begun(stage, site),
    await begun(stage, site),
  ]
  const { header } = await ask(stage, site, '/destroy', a, b)
  expect(header('set-cookie')).toEqual([expect.stringMatching(/^session=;.*Max-Age=0/)])
  for (const token of [a, b]) expect((await ask(stage, site, '/get', token)).body).toBe('')
  expect((await ask(stage, site, '/get', other)).body).toBe('bar')
  expect(site.store.size).toBe(1)
})

conversation(
  'renewToken replaces the session that was found, and keeps the others',
  async (stage) => {
    const site = await stage.open(routes)
    const [a, b] = [await begun(stage, site), await begun(stage, site)]
    const { header } = await ask(stage, site, '/renew', a, b)
    const [line = ''] = header('set-cookie')
    const renewed = /^session=([\w-]+)/.exec(line)?.[1] ?? ''
    expect((await ask(stage, site, '/get', a)).body).toBe('')
    expect((await ask(stage, site, '/get', b)).body).toBe('bar')
    expect((await ask(stage, site, '/get', renewed)).body).toBe('bar')
  },
)

conversation(
  "a handler's line for the session cookie is dropped, and its lines for other paths and domains stay",
  async (stage) => {
    const others = ['session=; Path=/app; Max-Age=0', 'session=; Path=/; Domain=example.com', 'a=b']
    const site = await stage.open({
      '/put': (exchange, manager) => {
        manager.put(exchange.ctx, 'foo', 'bar')
        return exchange.answer({ headers: { 'Set-Cookie': [...others, 'session=x; Path=/'] } })
      },
      '/get': get,
    })
    const { header } = await site.client.get('/put')
    const [session, ...kept] = header('set-cookie').toReversed()
    expect(kept.toReversed()).toEqual(others)
    expect(site.errors).toEqual([expect.objectContaining({ name: 'TypeError' })])
    expect(String(site.errors)).toContain(
      "a Set-Cookie line for 'session' that this session manager did not write",
    )
    const [, token = ''] = /^session=([\w-]+);/.exec(session ?? '') ?? []
    expect((await ask(stage, site, '/get', token)).body).toBe('bar')
  },
)
