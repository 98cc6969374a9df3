import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { ending } from '../client/opened.ts'
import { conversation } from '../conversation.ts'
import { putAndWrite } from '../routes.ts'
import type { Site, Stage } from '../stage.ts'
import { dial, request } from '../wire.ts'

const needs = ['raw'] as const
const http1 = ['raw', 'http/1'] as const

type AnswerIt = (res: ServerResponse) => unknown

const pieces = Array<string>(60).fill('failed '.repeat(7_000))
const length = pieces.join('').length

/** A site of one page whose commit fails. */
async function failing(
  stage: Stage,
  write: Parameters<typeof putAndWrite>[0],
  answer: AnswerIt,
): Promise<Site> {
  const errorFunc = (_req: IncomingMessage, res: ServerResponse) => answer(res)
  const site = await stage.open({ '/': putAndWrite(write) }, { errorFunc })
  site.store.fault = new Error('disk full')
  return site
}

// What a handler that is still at work may do to the response that is no longer its own.
const meddlings: Record<string, (res: ServerResponse) => unknown> = {
  'sets the status': (res) => {
    res.statusCode = 200
    if (res.req.httpVersionMajor === 1) res.statusMessage = 'SECRET'
  },
  'sets headers': (res) => {
    res.setHeader('X-Handler', 'SECRET')
    res.appendHeader('X-Answer', 'SECRET')
    // HTTP/2 has it not in every Node.
    res.setHeaders?.(new Map([['X-Handler', 'SECRET']]))
    res.sendDate = false
  },
  'removes headers': (res) => res.removeHeader('X-Answer'),
  'adds trailers': (res) => res.addTrailers({ 'X-Handler': 'SECRET' }),
  'sends early hints': (res) => res.writeEarlyHints({ link: '</SECRET>; rel=preload' }),
  'corks the response': (res) => res.cork(),
  'destroys the response': (res) => res.destroy(),
  'pipes a source that fails': async (res) => {
    const source = Readable.from(
      (function* () {
        yield 'SECRET'
        throw new Error('ouch')
      })(),
    )
    // Is done when the response is closed: that is the answer's affair.
    pipeline(source, res).catch(() => {})
    await once(source, 'close').catch(() => {})
  },
}

describe('the answer to a failed commit has nothing of a handler that meanwhile', () => {
  for (const [name, meddle] of Object.entries(meddlings)) {
    conversation(name, { needs }, async (stage) => {
      const begun = Promise.withResolvers<void>()
      const [meddled, meddledAgain] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const { client } = await failing(
        stage,
        async (res) => {
          res.write('SECRET')
          await begun.promise
          await meddle(res)
          meddled.resolve()
          await once(res, 'answering')
          await meddle(res)
          meddledAgain.resolve()
        },
        async (res) => {
          res.statusCode = 503
          res.setHeader('X-Answer', '1')
          begun.resolve()
          await meddled.promise
          res.write('failed')
          res.emit('answering')
          await meddledAgain.promise
          res.end('!')
        },
      )
      const answer = await client.get('/')
      expect([answer.status, answer.body]).toEqual([503, 'failed!'])
      expect(answer.header('x-answer')).toEqual(['1'])
      expect(answer.header('x-handler')).toEqual([])
      expect(answer.header('date')).toHaveLength(1)
      expect({ ...answer.trailers }).toEqual({})
      expect(answer.informational).toEqual([])
      expect(answer.statusMessage).not.toContain('SECRET')
    })
  }
})

describe('errorFunc can write its answer', () => {
  const ways: Record<string, AnswerIt> = {
    pipe: (res) => once(Readable.from(pieces).pipe(res), 'finish'),
    pipeline: (res) => pipeline(Readable.from(pieces), res),
    'write and drain': async (res) => {
      for (const piece of pieces) if (!res.write(piece)) await once(res, 'drain')
      res.end()
    },
    'callback after callback': (res) =>
      new Promise<void>((resolve) => {
        const next = (left: readonly string[]): void => {
          if (left.length === 0) res.end(resolve)
          else res.write(left[0], () => next(left.slice(1)))
        }
        next(pieces)
      }),
  }
  for (const [name, answer] of Object.entries(ways)) {
    conversation(`by ${name}, while the handler goes on`, { needs }, async (stage) => {
      const { client } = await failing(
        stage,
        (res) =>
          pipeline(
            Readable.from(
              (function* () {
                while (!res.destroyed && !res.closed) yield 'SECRET'.repeat(10_000)
              })(),
            ),
            res,
          ).catch(() => {}),
        answer,
      )
      const { body } = await client.get('/')
      expect(body).not.toContain('SECRET')
      expect(body).toHaveLength(length)
    })

    conversation(
      `by ${name}, behind another on the connection`,
      { needs: http1 },
      async (stage) => {
        const begun = Promise.withResolvers<void>()
        const errorFunc = async (_req: IncomingMessage, res: ServerResponse) => {
          res.statusCode = 503
          const answered = answer(res)
          begun.resolve()
          await answered
        }
        const { port, store } = await stage.open(
          {
            '/first': async (exchange) => {
              await begun.promise
              for (let i = 0; i < 5; i++) await turn()
              return exchange.answer({ body: 'first' })
            },
            '/second': putAndWrite((res) => res.end('SECRET')),
          },
          { errorFunc },
        )
        store.fault = new Error('disk full')
        const close = { Connection: 'close' }
        const wire = await dial(port, request('GET /first') + request('GET /second', close)).all()
        expect(wire).toMatch(/first\r?\n?.*HTTP\/1\.1 503 /s)
        expect(wire).not.toContain('SECRET')
        expect(wire.match(/failed /g)).toHaveLength(pieces.length * 7_000)
        expect(wire).toMatch(/\r\n0\r\n\r\n$/)
      },
    )
  }
})

// Node remembers of a header that it was removed, and then makes none of its own.
describe('the answer is framed by itself when the handler has set', () => {
  const headers = {
    'Transfer-Encoding': 'chunked',
    'Content-Length': '6',
    Connection: 'close',
    Trailer: 'X-Sum',
  }
  for (const [name, value] of Object.entries(headers)) {
    conversation(name, { needs: http1 }, async (stage) => {
      const { port } = await failing(
        stage,
        (res) => {
          res.setHeader(name, value)
          res.end('SECRET')
        },
        (res) => {
          res.statusCode = 503
          res.write('fail')
          res.end('ed')
        },
      )
      const wire = dial(port, request('GET /') + request('GET /', { Connection: 'close' }))
      const [, first, second] = (await wire.all()).split('HTTP/1.1 503 Service Unavailable\r\n')
      for (const answer of [first, second]) {
        expect(answer).toContain('\r\nTransfer-Encoding: chunked\r\n')
        expect(answer).toMatch(
          /\r\n4\r\nfail\r\n2\r\ned\r\n0\r\n\r\n$|\r\n6\r\nfailed\r\n0\r\n\r\n$/,
        )
      }
      expect(first).toContain('\r\nConnection: keep-alive\r\n')
      expect(second).toContain('\r\nConnection: close\r\n')
    })
  }
})

conversation(
  'an errorFunc that fails after its first byte has its answer cut',
  { needs },
  async (stage) => {
    const { client, errors } = await failing(
      stage,
      (res) => res.end('SECRET'),
      async (res) => {
        res.write('failed')
        await turn()
        throw new Error('ouch')
      },
    )
    expect(await ending(client.get('/'))).toBe('cut')
    expect(errors).toEqual([expect.objectContaining({ message: 'ouch' })])
  },
)
