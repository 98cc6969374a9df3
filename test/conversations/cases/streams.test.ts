import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { expect } from 'vitest'
import { ending } from '../client/opened.ts'
import { conversation } from '../conversation.ts'
import { get, putAndWrite } from '../routes.ts'
import type { Site } from '../stage.ts'
import { until } from '../until.ts'

const needs = ['raw'] as const

const megabyte = Buffer.alloc(1_000_000, 'abcdefghij')
const sum = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** Reads one event after the other, each sent when the one before has come. */
async function hear({ client, store }: Site, send: (event: string) => unknown): Promise<void> {
  const opened = client.open('/')
  const { header } = await opened.head()
  expect(store.size).toBe(1)
  expect(header('content-type')[0]).toMatch(/^text\/event-stream/)
  expect(header('set-cookie')).toHaveLength(1)
  for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
    send(event)
    expect(await opened.read()).toBe(event)
  }
  send('')
  expect(await opened.read()).toBe(undefined)
}

// session_test.go TestFlusher
conversation(
  'server-sent events arrive one at a time, the cookie before them',
  { needs },
  async (stage) => {
    const events = new PassThrough()
    const site = await stage.open({
      '/': putAndWrite(async (res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' })
        res.flushHeaders()
        for await (const event of events) res.write(event)
        res.end()
      }),
    })
    await hear(site, (event) => (event ? events.write(event) : events.end()))
  },
)

conversation(
  'events as a stream, in the manner of the server, arrive one at a time',
  { needs: ['connection'] },
  async (stage) => {
    const events = new PassThrough()
    const site = await stage.open({
      '/': (exchange, manager) => {
        manager.put(exchange.ctx, 'foo', 'bar')
        // What a framework does with a stream may wait for its first bytes.
        events.write('data: 0\n\n')
        return exchange.answer({ headers: { 'Content-Type': 'text/event-stream' }, body: events })
      },
    })
    const opened = site.client.open('/')
    const { header } = await opened.head()
    expect(site.store.size).toBe(1)
    expect(header('set-cookie')).toHaveLength(1)
    expect(await opened.read()).toBe('data: 0\n\n')
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      events.write(event)
      expect(await opened.read()).toBe(event)
    }
    events.end()
    expect(await opened.read()).toBe(undefined)
  },
)

conversation('a long stream, in the manner of the server, arrives whole', async (stage) => {
  const { client, store } = await stage.open({
    '/': (exchange, manager) => {
      manager.put(exchange.ctx, 'foo', 'bar')
      return exchange.answer({ body: Readable.from([megabyte, megabyte]) })
    },
    '/get': get,
  })
  const answer = await client.get('/')
  expect(store.size).toBe(1)
  expect(sum(answer.bytes)).toBe(sum(Buffer.concat([megabyte, megabyte])))
  expect((await client.get('/get')).body).toBe('bar')
})

conversation('a writer is told to wait, and drain tells it to go on', { needs }, async (stage) => {
  const answers: boolean[] = []
  const { client } = await stage.open({
    '/': putAndWrite(async (res) => {
      for (let i = 0; i < 20; i++) {
        const goOn = res.write(megabyte.subarray(0, 100_000))
        answers.push(goOn)
        if (!goOn) await once(res, 'drain')
      }
      res.end()
    }),
  })
  const { bytes } = await client.get('/')
  expect(sum(bytes)).toBe(sum(Buffer.concat([megabyte, megabyte])))
  expect(answers[0]).toBe(false)
})

conversation('a writer that does not wait loses nothing', { needs }, async (stage) => {
  const { client } = await stage.open({
    '/': putAndWrite((res) => {
      for (let i = 0; i < 20; i++) res.write(megabyte.subarray(0, 100_000))
      res.end()
    }),
  })
  expect(sum((await client.get('/')).bytes)).toBe(sum(Buffer.concat([megabyte, megabyte])))
})

conversation(
  'pipeline and finished are done when the response has gone',
  { needs },
  async (stage) => {
    const done: string[] = []
    const { client } = await stage.open({
      '/': putAndWrite(async (res) => {
        const over = finished(res, { readable: false }).then(() => done.push('finished'))
        await pipeline(Readable.from([megabyte]), res)
        done.push(`pipeline, ${res.writableFinished}`)
        await over
      }),
      '/get': get,
    })
    await client.get('/')
    await client.get('/get')
    expect(done.toSorted()).toEqual(['finished', 'pipeline, true'])
  },
)

conversation('a source that fails cuts the response short', { needs }, async (stage) => {
  const { client, store } = await stage.open({
    '/': putAndWrite((res) => {
      const source = Readable.from(
        (async function* () {
          yield 'half'
          throw new Error('ouch')
        })(),
      )
      return pipeline(source, res).catch(() => {})
    }),
  })
  expect(await ending(client.get('/'))).toBe('cut')
  // It may have been cut while the commit was on its way.
  await until(() => store.size === 1)
})

conversation('trailers come after the body', { needs }, async (stage) => {
  const { client } = await stage.open({
    '/': putAndWrite((res) => {
      res.writeHead(200, { Trailer: 'X-Sum' })
      res.write('x')
      res.addTrailers({ 'X-Sum': '1' })
      res.end('y')
    }),
  })
  const { body, trailers, header } = await client.get('/')
  expect(header('set-cookie')).toHaveLength(1)
  expect([body, trailers['x-sum']]).toEqual(['xy', '1'])
})
