import type { ServerResponse } from 'node:http'
import { finished } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import onFinished from 'on-finished'
import { describe, expect } from 'vitest'
import { conversation } from '../conversation.ts'
import { putAndWrite } from '../routes.ts'
import { until } from '../until.ts'
import { dial, request } from '../wire.ts'

const needs = ['response'] as const

// Whether the commit takes its time or not, a response says what its caller's own calls have made it.
describe('after the first byte wanted out', () => {
  conversation(
    'headersSent follows the calls, finished and writableEnded the commit',
    { needs },
    async (stage) => {
      const states: unknown[][] = []
      const site = await stage.open({
        '/': putAndWrite(async (res) => {
          const note = (call: string) => {
            const { headersSent, writableEnded, finished } = res
            states.push([call, headersSent, writableEnded, finished, site.store.pending > 0])
          }
          note('none')
          res.setHeader('X-A', '1')
          note('setHeader')
          res.write('a')
          note('write')
          await turn()
          note('a turn later')
          res.end('b')
          note('end')
        }),
      })
      expect((await site.client.get('/')).body).toBe('ab')
      const isHeld = states.at(-1)?.at(-1)
      expect(states).toEqual([
        ['none', false, false, false, false],
        ['setHeader', false, false, false, false],
        ['write', true, false, false, isHeld],
        ['a turn later', true, false, false, isHeld],
        ['end', true, !isHeld, !isHeld, isHeld],
      ])
    },
  )

  conversation(
    'stream.finished and on-finished wait for the commit',
    { needs: ['raw'] },
    async (stage) => {
      const told: string[] = []
      const site = await stage.open({
        '/': putAndWrite((res) => {
          const note = (who: string) => () => told.push(`${who}, ${site.store.pending} pending`)
          finished(res, note('stream.finished'))
          onFinished(res, note('on-finished'))
          isFinished.push(onFinished.isFinished(res))
          res.end('x')
          isFinished.push(onFinished.isFinished(res) && site.store.pending > 0)
        }),
      })
      const isFinished: (boolean | undefined)[] = []
      await site.client.get('/')
      await until(() => told.length === 2)
      expect(told.sort()).toEqual(['on-finished, 0 pending', 'stream.finished, 0 pending'])
      expect(isFinished).toEqual([false, false])
    },
  )

  conversation('what is written after the end is harmless', { needs }, async (stage) => {
    const told: unknown[] = []
    const { client } = await stage.open({
      '/': putAndWrite((res) => {
        res.end('the answer')
        // A writer that asks first, as Koa does, cannot see that a held response was ended.
        if (res.writableEnded) return
        const note = (error?: unknown) => told.push((error as { code?: string } | undefined)?.code)
        res.write('SECRET', note)
        res.end('SECRET', note)
        res.end(note)
      }),
    })
    expect(await client.get('/')).toMatchObject({ status: 200, body: 'the answer' })
    const tooLate = 'ERR_STREAM_WRITE_AFTER_END'
    await until(() => [0, 3].includes(told.length))
    expect([undefined, tooLate]).toContain(told[0])
    expect(told[1]).toBe(told[0])
  })

  conversation('a second writeHead throws, and changes nothing', { needs }, async (stage) => {
    const codes: unknown[] = []
    const { client } = await stage.open({
      '/': putAndWrite((res) => {
        res.flushHeaders()
        try {
          res.writeHead(500)
        } catch (error) {
          codes.push((error as { code?: string }).code)
        }
        res.end('x')
      }),
    })
    const { status, body } = await client.get('/')
    expect([status, body]).toEqual([200, 'x'])
    expect(codes).toEqual([
      stage.kind.protocol === 'http' ? 'ERR_HTTP_HEADERS_SENT' : 'ERR_HTTP2_HEADERS_SENT',
    ])
  })

  conversation(
    'each callback is called once, in order, without an error',
    { needs: ['raw'] },
    async (stage) => {
      const called: unknown[] = []
      const { client } = await stage.open({
        '/': putAndWrite((res) => {
          const note = (call: string) => (error?: unknown) =>
            called.push([call, error ?? undefined])
          res.write('a', note('write(chunk, callback)'))
          res.write('b', 'utf8', note('write(chunk, encoding, callback)'))
          res.write(Buffer.from('c'), note('write(buffer, callback)'))
          res.once('finish', note('finish'))
          res.end('d', 'utf8', note('end(chunk, encoding, callback)'))
          res.once('close', note('close'))
        }),
      })
      expect((await client.get('/')).body).toBe('abcd')
      await until(() => called.some((call) => (call as string[])[0] === 'close'))
      expect(called).toHaveLength(6)
      expect(called.slice(0, 3)).toEqual([
        ['write(chunk, callback)', undefined],
        ['write(chunk, encoding, callback)', undefined],
        ['write(buffer, callback)', undefined],
      ])
      expect(called).toContainEqual(['end(chunk, encoding, callback)', undefined])
    },
  )

  const ends: Record<string, (res: ServerResponse, done: () => void) => unknown> = {
    'end(callback)': (res, done) => res.end(done),
    'end(chunk, callback)': (res, done) => res.end('x', done),
    'end(chunk, encoding, callback)': (res, done) => res.end('x', 'utf8', done),
    'end(callback) after a write': (res, done) => {
      res.write('x')
      res.end(done)
    },
  }
  for (const [name, end] of Object.entries(ends)) {
    conversation(`${name} calls back once`, { needs }, async (stage) => {
      let calls = 0
      const { client } = await stage.open({ '/': putAndWrite((res) => end(res, () => calls++)) })
      await client.get('/')
      await client.get('/')
      await until(() => calls >= 2)
      expect(calls).toBe(2)
    })
  }

  conversation(
    'prefinish, finish and close are told once, of a pipelined response too',
    { needs: ['raw', 'http/1'] },
    async (stage) => {
      const told: string[] = []
      const ended = Promise.withResolvers<void>()
      const { port, store } = await stage.open({
        '/first': async (exchange) => {
          await ended.promise
          return exchange.answer({ body: 'first' })
        },
        '/second': putAndWrite((res) => {
          for (const event of ['prefinish', 'finish', 'close']) {
            res.on(event, () => told.push(event))
          }
          res.end('second')
          ended.resolve()
        }),
      })
      const hold = store.hold()
      const wire = dial(
        port,
        request('GET /first') + request('GET /second', { Connection: 'close' }),
      )
      await wire.until('first')
      hold.release()
      expect(await wire.all()).toContain('second')
      await until(() => told.includes('close'))
      expect(told).toEqual(['prefinish', 'finish', 'close'])
    },
  )

  conversation(
    'what is no chunk throws at its caller, and the answer goes on',
    { needs },
    async (stage) => {
      const codes: unknown[] = []
      const { client } = await stage.open({
        '/': putAndWrite((res) => {
          for (const chunk of [1, {}, null]) {
            try {
              res.write(chunk)
            } catch (error) {
              codes.push((error as { code?: string }).code)
            }
          }
          res.end('x')
        }),
      })
      const { status, body, header } = await client.get('/')
      expect([status, body]).toEqual([200, 'x'])
      expect(header('set-cookie')).toHaveLength(1)
      expect(codes).toEqual([
        'ERR_INVALID_ARG_TYPE',
        'ERR_INVALID_ARG_TYPE',
        'ERR_STREAM_NULL_VALUES',
      ])
    },
  )

  conversation(
    'an impossible status throws at its caller, and another can be sent',
    { needs },
    async (stage) => {
      const codes: unknown[] = []
      const { client } = await stage.open({
        '/': putAndWrite((res) => {
          try {
            res.writeHead(42)
          } catch (error) {
            codes.push((error as { name?: string }).name)
          }
          res.writeHead(201)
          res.end('x')
        }),
      })
      const { status, body, header } = await client.get('/')
      expect([status, body, codes]).toEqual([201, 'x', ['RangeError']])
      expect(header('set-cookie')).toHaveLength(1)
    },
  )
})

for (const fault of [undefined, new Error('disk full')]) {
  conversation(
    `an application may keep a stream on its response, when the commit ${fault ? 'fails' : 'is done'}`,
    { needs: ['raw', 'http/1'] },
    async (stage) => {
      const { client, store } = await stage.open({
        '/': putAndWrite((res) => {
          Object.assign(res, { stream: {} })
          res.writeHead(299, 'Fine')
          res.write('a')
          res.end('b')
        }),
      })
      store.fault = fault
      const { status, statusMessage, body } = await client.get('/')
      if (fault) expect([status, body]).toEqual([500, 'failed: disk full'])
      else expect([status, statusMessage, body]).toEqual([299, 'Fine', 'ab'])
    },
  )
}
