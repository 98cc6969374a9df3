import { text } from 'node:stream/consumers'
import { expect } from 'vitest'
import { conversation } from '../conversation.ts'
import { get, putAndWrite } from '../routes.ts'
import { until } from '../until.ts'

const needs = ['raw'] as const

conversation('103 leaves at once, and is not the first byte', { needs }, async (stage) => {
  const { client, store } = await stage.open({
    '/': putAndWrite((res) => {
      res.writeEarlyHints({ link: '</a.css>; rel=preload' })
      res.end('x')
    }),
    '/get': get,
  })
  const hold = store.hold()
  const opened = client.open('/')
  await hold.arrived
  await until(() => opened.informational.length === 1)
  expect(store.size).toBe(0)
  hold.release()
  const { status, body, header } = await opened.answer()
  expect([status, body, opened.informational]).toEqual([200, 'x', [103]])
  expect(header('set-cookie')).toHaveLength(1)
  client.keep(header('set-cookie'))
  expect((await client.get('/get')).body).toBe('bar')
})

conversation(
  '102 leaves at once, and is not the first byte',
  { needs: ['raw', 'http/1'] },
  async (stage) => {
    const { client } = await stage.open({
      '/': putAndWrite((res) => {
        res.writeProcessing()
        res.end('x')
      }),
    })
    const { status, body, header, informational } = await client.get('/')
    expect([status, body, informational]).toEqual([200, 'x', [102]])
    expect(header('set-cookie')).toHaveLength(1)
  },
)

conversation(
  'Expect: 100-continue has the body sent, and then the answer',
  { needs },
  async (stage) => {
    const { client } = await stage.open({
      '/': async (exchange, manager) => {
        const { req, res } = exchange.raw()
        manager.put(exchange.ctx, 'foo', await text(req))
        res.end(manager.getString(exchange.ctx, 'foo'))
      },
      '/get': get,
    })
    const sent = { method: 'POST', body: 'hello', headers: { expect: '100-continue' } }
    const answer = await client.get('/', sent)
    expect([answer.status, answer.body]).toEqual([200, 'hello'])
    expect(answer.header('set-cookie')).toHaveLength(1)
    expect((await client.get('/get')).body).toBe('hello')
  },
)

conversation(
  'Expect: 100-continue that the application answers itself, by writeContinue or by a refusal',
  { needs: ['raw', 'http/1'] },
  async (stage) => {
    const { client, server } = await stage.open({
      '/take': async (exchange, manager) => {
        const { req, res } = exchange.raw()
        manager.put(exchange.ctx, 'foo', 'bar')
        res.writeContinue()
        res.end(await text(req))
      },
      '/refuse': putAndWrite((res) => res.writeHead(417, { Connection: 'close' }).end()),
    })
    server.on('checkContinue', (req, res) => server.emit('request', req, res))
    const sent = { method: 'POST', body: 'hello', headers: { expect: '100-continue' } }
    const taken = await client.get('/take', sent)
    expect([taken.status, taken.body, taken.informational]).toEqual([200, 'hello', [100]])
    expect(taken.header('set-cookie')).toHaveLength(1)
    client.cookies.clear()
    const refused = await client.get('/refuse', sent)
    expect([refused.status, refused.informational]).toEqual([417, []])
    expect(refused.header('set-cookie')).toHaveLength(1)
  },
)
