import { once } from 'node:events'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'vitest'
import { conversation } from '../conversation.ts'
import { get, put, putAndWrite } from '../routes.ts'
import type { Route } from '../stage.ts'
import { until } from '../until.ts'

const needs = ['response'] as const

conversation(
  'what is put after the first byte is committed before the end',
  { needs },
  async (stage) => {
    const { client, store } = await stage.open({
      '/put': put,
      '/get': get,
      '/late': async (exchange, manager) => {
        const { res } = exchange.raw()
        res.write('x')
        await turn()
        manager.put(exchange.ctx, 'foo', 'late')
        res.end('y')
      },
    })
    await client.get('/put')
    expect((await client.get('/late')).body).toBe('xy')
    expect([store.writes, store.pending]).toEqual([2, 0])
    expect((await client.get('/get')).body).toBe('late')
  },
)

conversation('what is put while a body streams is committed before its end', async (stage) => {
  const { client, store } = await stage.open({
    '/put': put,
    '/get': get,
    '/late': (exchange, manager) =>
      exchange.answer({
        body: Readable.from(
          (async function* () {
            yield 'x'
            await turn()
            manager.put(exchange.ctx, 'foo', 'late')
            yield 'y'
          })(),
        ),
      }),
  })
  await client.get('/put')
  expect((await client.get('/late')).body).toBe('xy')
  expect([store.writes, store.pending]).toEqual([2, 0])
  expect((await client.get('/get')).body).toBe('late')
})

conversation('a new session whose cookie has left can be changed on', { needs }, async (stage) => {
  const { client, store } = await stage.open({
    '/': async (exchange, manager) => {
      const { res } = exchange.raw()
      manager.put(exchange.ctx, 'foo', 'first')
      res.write('x')
      await turn()
      manager.put(exchange.ctx, 'foo', 'second')
      res.end()
    },
    '/get': get,
  })
  await client.get('/')
  expect([store.writes, store.pending]).toEqual([2, 0])
  expect((await client.get('/get')).body).toBe('second')
})

conversation(
  'what is put after end is committed when the response closes',
  { needs: ['raw'] },
  async (stage) => {
    const { client, store } = await stage.open({
      '/put': put,
      '/both': (exchange, manager) => {
        const [foo, bar] = ['foo', 'bar'].map((key) => manager.getString(exchange.ctx, key))
        return exchange.answer({ body: `${foo}, ${bar}` })
      },
      '/late': async (exchange, manager) => {
        const { res } = exchange.raw()
        res.end('x')
        manager.put(exchange.ctx, 'foo', 'after end')
        await once(res, 'close')
        manager.put(exchange.ctx, 'bar', 'after close')
      },
    })
    await client.get('/put')
    const hold = store.hold()
    await client.get('/late')
    await hold.arrived
    hold.release()
    let body = ''
    while (body !== 'after end, after close') body = (await client.get('/both')).body
  },
)

conversation('a change that the client could never learn of throws', { needs }, async (stage) => {
  const thrown: unknown[] = []
  const { client, store } = await stage.open({
    '/': async (exchange, manager) => {
      const { ctx } = exchange
      const { res } = exchange.raw()
      res.write('x')
      await turn()
      for (const change of [
        () => manager.put(ctx, 'foo', 'late'),
        () => manager.setDeadline(ctx, new Date()),
        () => manager.rememberMe(ctx, true),
        () => manager.commit(ctx),
        () => manager.renewToken(ctx),
        () => manager.destroy(ctx),
      ]) {
        try {
          await change()
          thrown.push('nothing')
        } catch (error) {
          thrown.push((error as { code?: string }).code)
        }
      }
      res.end(manager.keys(ctx).join())
    },
  })
  const answer = await client.get('/')
  expect(thrown).toEqual(Array(6).fill('ERR_SESSION_HEADERS_SENT'))
  expect(answer.body).toBe('x')
  expect(answer.header('set-cookie')).toEqual([])
  expect(store.size).toBe(0)
})

const destroyLate: Route = async (exchange, manager) => {
  const { res } = exchange.raw()
  res.write('x')
  await turn()
  const error = await manager.destroy(exchange.ctx).catch((error) => error)
  res.end(error.code)
}

conversation('a late destroy deletes the row, and then rejects', { needs }, async (stage) => {
  const { client, store } = await stage.open({ '/put': put, '/get': get, '/late': destroyLate })
  await client.get('/put')
  expect((await client.get('/late')).body).toBe('xERR_SESSION_HEADERS_SENT')
  expect(store.size).toBe(0)
  expect((await client.get('/get')).body).toBe('')
})

conversation(
  'a session destroyed after its cookie has left cannot begin anew',
  { needs },
  async (stage) => {
    const thrown: unknown[] = []
    const { client, store } = await stage.open({
      '/': async (exchange, manager) => {
        const { res } = exchange.raw()
        manager.put(exchange.ctx, 'foo', 'first')
        res.write('x')
        await turn()
        await manager.destroy(exchange.ctx).catch((error) => thrown.push(error.code))
        try {
          manager.put(exchange.ctx, 'foo', 'second')
        } catch (error) {
          thrown.push((error as { code?: string }).code)
        }
        res.end()
      },
    })
    await client.get('/')
    expect(thrown).toEqual(Array(2).fill('ERR_SESSION_HEADERS_SENT'))
    expect(store.size).toBe(0)
  },
)

conversation(
  'changes before the first byte are one commit with it, however many',
  { needs },
  async (stage) => {
    const { client, store } = await stage.open({
      '/': putAndWrite((res) => {
        for (let i = 0; i < 10; i++) res.write(`${i}`)
        res.end()
      }),
      '/get': get,
    })
    await client.get('/')
    await until(() => store.size === 1)
    expect(store.writes).toBe(1)
  },
)
