import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { contextOf } from '@scs/core'
import { expect } from 'vitest'
import { conversation } from '../conversation.ts'
import { get, put } from '../routes.ts'
import type { Route } from '../stage.ts'
import { until } from '../until.ts'
import { dial, request } from '../wire.ts'

const close = { Connection: 'close' }

conversation('one connection serves many requests, each with its own session', async (stage) => {
  const site = await stage.open({ '/put': put, '/get': get })
  let connections = 0
  site.server.on('connection', () => connections++)
  const client = stage.connect(site, { keepAlive: true })
  await client.get('/put')
  expect((await client.get('/get')).body).toBe('bar')
  client.cookies.clear()
  const stranger = await client.get('/get')
  expect([stranger.body, stranger.header('set-cookie')]).toEqual(['', []])
  await client.get('/put')
  expect((await client.get('/get')).body).toBe('bar')
  expect([connections, site.store.size]).toEqual([1, 2])
})

const name: Route = (exchange, manager) => {
  manager.put(exchange.ctx, 'foo', exchange.path)
  return exchange.answer({ body: `[${exchange.path}]` })
}

conversation(
  'pipelined requests are answered in order, though the first commit is the slower',
  { needs: ['http/1'] },
  async (stage) => {
    const { port, store } = await stage.open({ '/1': name, '/2': name })
    const hold = store.hold()
    const wire = dial(port, request('GET /1') + request('GET /2', close))
    await hold.arrived
    await until(() => store.size === 1)
    hold.release()
    const answers = (await wire.all()).split(/(?=HTTP\/1\.1 )/)
    expect(answers).toHaveLength(2)
    expect(answers[0]).toMatch(/\[\/1\]/)
    expect(answers[1]).toMatch(/\[\/2\]/)
    for (const answer of answers) expect(answer.match(/^Set-Cookie: session=/gim)).toHaveLength(1)
    expect(store.size).toBe(2)
  },
)

conversation(
  'pipelined requests: one that is held does not hold what came before it',
  { needs: ['http/1'] },
  async (stage) => {
    const { port, store } = await stage.open({ '/1': get, '/2': name })
    const hold = store.hold()
    const wire = dial(port, request('GET /1') + request('GET /2', close))
    expect(await wire.until('HTTP/1.1 200')).not.toContain('[/2]')
    await hold.arrived
    hold.release()
    expect(await wire.all()).toContain('[/2]')
  },
)

conversation(
  'HTTP/1.0: the connection is closed after the answer, which has the cookie',
  { needs: ['http/1'] },
  async (stage) => {
    const { port } = await stage.open({ '/1': name })
    const wire = await dial(port, 'GET /1 HTTP/1.0\r\n\r\n').all()
    expect(wire).toMatch(/^Set-Cookie: session=/im)
    expect(wire).toMatch(/\r\n\r\n\[\/1\]$/)
  },
)

conversation(
  'an upgrade leaves the socket alone, and its session can be read',
  { needs: ['http/1'] },
  async (stage) => {
    const { client, manager, server, port } = await stage.open({ '/put': put, '/get': get })
    server.on('upgrade', async (req: IncomingMessage, socket: Duplex) => {
      const ctx = await manager.load(contextOf(req), manager.readSessionCookies(req.headers))
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n',
      )
      socket.write(`hello ${manager.getString(ctx, 'foo')}\n`)
      socket.on('data', (data) => socket.end(data))
    })
    await client.get('/put')
    const headers = { Connection: 'Upgrade', Upgrade: 'echo', Cookie: client.cookieHeader }
    const wire = dial(port, request('GET /socket', headers))
    const head = await wire.until('hello bar\n')
    expect(head).toMatch(/^HTTP\/1\.1 101 /)
    expect(head).not.toMatch(/set-cookie|vary/i)
    wire.socket.write('ping')
    expect(await wire.all()).toMatch(/hello bar\nping$/)
  },
)

conversation('requests at once that each put a key lose none', async (stage) => {
  const { client } = await stage.open({
    '/put': put,
    '/add': (exchange, manager) => {
      manager.put(exchange.ctx, exchange.query.get('key') ?? '', 1)
      return exchange.answer({})
    },
    '/keys': (exchange, manager) => exchange.answer({ body: manager.keys(exchange.ctx).join() }),
  })
  await client.get('/put')
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((key) => client.get(`/add?key=${key}`)))
  expect((await client.get('/keys')).body).toBe('a,b,c,d,e,foo')
})
