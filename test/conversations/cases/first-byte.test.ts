import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { conversation } from '../conversation.ts'
import { get, putAndWrite } from '../routes.ts'
import type { Need } from '../server-kind.ts'

/** What a handler writes, and what the client is to find beside the session's cookie. */
interface Writing {
  /** Beside Node's own response. */
  readonly needs?: readonly Need[]
  write(res: ServerResponse): unknown
  readonly method?: string
  readonly status?: number
  /** Not over HTTP/2, which has none. */
  readonly statusMessage?: string
  readonly headers?: Readonly<Record<string, readonly string[]>>
  /** The handler's own cookies. */
  readonly cookies?: readonly string[]
  readonly body?: string
}

const big = 'abcdefghij'.repeat(30_000)

const writings: Readonly<Record<string, Writing>> = {
  'end()': { write: (res) => res.end() },
  'end(chunk)': { write: (res) => res.end('x'), body: 'x' },
  'end(chunk, encoding)': { needs: ['raw'], write: (res) => res.end('6162', 'hex'), body: 'ab' },
  'end of a Buffer': { write: (res) => res.end(Buffer.from('é')), body: 'é' },
  'end of a Uint8Array': { write: (res) => res.end(new Uint8Array([97, 98])), body: 'ab' },
  'end twice': {
    write(res) {
      // Node makes the second an error of the response.
      res.on('error', () => {})
      res.end('one')
      res.end('two')
    },
    body: 'one',
  },
  'write, then end': {
    needs: ['raw'],
    write(res) {
      res.write('a')
      res.write(Buffer.from('b'))
      res.write('63', 'hex')
      res.end('d')
    },
    body: 'abcd',
  },
  'an empty write, then end': {
    write(res) {
      res.write('')
      res.end('x')
    },
    body: 'x',
  },
  'writes in later turns': {
    async write(res) {
      res.write('a')
      await turn()
      res.write('b')
      await turn()
      res.end()
    },
    body: 'ab',
  },
  'writeHead(status)': {
    needs: ['raw'],
    write: (res) => res.writeHead(404).end('x'),
    status: 404,
    body: 'x',
  },
  'writeHead(status, message)': {
    needs: ['raw'],
    write: (res) => res.writeHead(299, 'Fine').end('x'),
    status: 299,
    statusMessage: 'Fine',
    body: 'x',
  },
  'writeHead(status, headers)': {
    needs: ['raw'],
    write: (res) =>
      res.writeHead(201, { 'Content-Type': 'text/plain', 'X-A': ['1', '2'] }).end('x'),
    status: 201,
    headers: { 'content-type': ['text/plain'], 'x-a': ['1', '2'] },
    body: 'x',
  },
  'writeHead(status, message, headers)': {
    needs: ['raw'],
    write: (res) => res.writeHead(200, 'Yes', { ETag: '"1"' }).end('x'),
    statusMessage: 'Yes',
    headers: { etag: ['"1"'] },
    body: 'x',
  },
  'writeHead(status, flat list)': {
    needs: ['raw'],
    write: (res) => res.writeHead(200, ['X-A', '1', 'X-B', '2', 'X-A', '3']).end('x'),
    headers: { 'x-a': ['1', '3'], 'x-b': ['2'] },
    body: 'x',
  },
  'writeHead(status, list of pairs)': {
    needs: ['raw'],
    write: (res) =>
      res
        .writeHead(200, [
          ['X-A', '1'],
          ['X-B', '2'],
        ] as never)
        .end('x'),
    headers: { 'x-a': ['1'], 'x-b': ['2'] },
    body: 'x',
  },
  'writeHead over headers that were set': {
    needs: ['raw'],
    write(res) {
      res.setHeader('X-A', 'old')
      res.setHeader('X-B', 'kept')
      res.writeHead(200, { 'x-a': 'new' }).end('x')
    },
    headers: { 'x-a': ['new'], 'x-b': ['kept'] },
    body: 'x',
  },
  'Set-Cookie in writeHead(status, headers)': {
    needs: ['raw'],
    write: (res) => res.writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'] }).end(),
    cookies: ['a=1', 'b=2'],
  },
  'one Set-Cookie in writeHead(status, headers)': {
    needs: ['raw'],
    write: (res) => res.writeHead(200, { 'set-cookie': 'a=1' }).end(),
    cookies: ['a=1'],
  },
  'Set-Cookie in writeHead(status, flat list)': {
    needs: ['raw'],
    write: (res) => res.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end(),
    cookies: ['a=1', 'b=2'],
  },
  'Set-Cookie in writeHead(status, list of pairs)': {
    needs: ['raw'],
    write: (res) =>
      res
        .writeHead(200, [
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
        ] as never)
        .end(),
    cookies: ['a=1', 'b=2'],
  },
  'Set-Cookie by setHeader': {
    write(res) {
      res.setHeader('Set-Cookie', 'a=1')
      res.end()
    },
    cookies: ['a=1'],
  },
  'several Set-Cookie by setHeader': {
    write(res) {
      res.setHeader('Set-Cookie', ['a=1', 'b=2'])
      res.end()
    },
    cookies: ['a=1', 'b=2'],
  },
  'Set-Cookie by appendHeader': {
    write(res) {
      res.appendHeader('Set-Cookie', 'a=1')
      res.appendHeader('Set-Cookie', 'b=2')
      res.end()
    },
    cookies: ['a=1', 'b=2'],
  },
  'Set-Cookie by setHeaders': {
    needs: ['raw', 'http/1'],
    write: (res) => res.setHeaders(new Map([['Set-Cookie', ['a=1', 'b=2']]])).end(),
    cookies: ['a=1', 'b=2'],
  },
  'headers by setHeaders(Headers)': {
    needs: ['raw', 'http/1'],
    write: (res) => res.setHeaders(new Headers({ 'X-A': '1' })).end('x'),
    headers: { 'x-a': ['1'] },
    body: 'x',
  },
  'headers by setHeader, appendHeader, removeHeader': {
    needs: ['raw'],
    write(res) {
      res.setHeader('X-A', '1')
      res.appendHeader('X-A', '2')
      res.setHeader('X-B', '3')
      res.removeHeader('X-B')
      res.end('x')
    },
    headers: { 'x-a': ['1', '2'], 'x-b': [] },
    body: 'x',
  },
  statusCode: {
    write(res) {
      res.statusCode = 418
      res.end('x')
    },
    status: 418,
    body: 'x',
  },
  'a status that comes after end': {
    needs: ['raw'],
    write(res) {
      res.end('x')
      res.statusCode = 500
    },
    body: 'x',
  },
  'flushHeaders, then end': {
    write(res) {
      res.flushHeaders()
      res.end('x')
    },
    body: 'x',
  },
  'flushHeaders after writeHead': {
    write(res) {
      res.writeHead(201, { 'X-A': '1' })
      res.flushHeaders()
      res.end('x')
    },
    status: 201,
    headers: { 'x-a': ['1'] },
    body: 'x',
  },
  'Content-Length of its own': {
    write(res) {
      res.setHeader('Content-Length', 2)
      res.write('a')
      res.end('b')
    },
    headers: { 'content-length': ['2'] },
    body: 'ab',
  },
  'a redirect': {
    needs: ['raw'],
    write: (res) => res.writeHead(302, { Location: '/get' }).end(),
    status: 302,
    headers: { location: ['/get'] },
  },
  'HEAD, with a body that is not sent': {
    needs: ['raw'],
    method: 'HEAD',
    write: (res) => res.writeHead(200, { 'Content-Length': 2 }).end('ab'),
    headers: { 'content-length': ['2'] },
  },
  'HEAD, with writes that are not sent': {
    method: 'HEAD',
    write(res) {
      res.write('a')
      res.end('b')
    },
  },
  'HEAD, with a pipe that is not sent': {
    method: 'HEAD',
    write: (res) => Readable.from([big, big]).pipe(res),
  },
  '204': { needs: ['raw'], write: (res) => res.writeHead(204).end(), status: 204 },
  '304': {
    needs: ['raw'],
    write: (res) => res.writeHead(304, { ETag: '"1"' }).end(),
    status: 304,
    headers: { etag: ['"1"'] },
  },
  pipe: { needs: ['raw'], write: (res) => Readable.from([big, big]).pipe(res), body: big + big },
  'stream.pipeline': {
    needs: ['raw'],
    write: (res) => pipeline(Readable.from([big, big]), res),
    body: big + big,
  },
  'stream.pipeline through a Transform': {
    needs: ['raw'],
    write: (res) =>
      pipeline(
        Readable.from(['x', 'y']),
        async function* (source) {
          for await (const chunk of source) yield `${chunk}${chunk}`
        },
        res,
      ),
    body: 'xxyy',
  },
  'cork and uncork': {
    write(res) {
      res.cork()
      res.write('a')
      res.write('b')
      res.uncork()
      res.end('c')
    },
    body: 'abc',
  },
}

describe('the commit and the cookie are there before the first byte', () => {
  for (const [name, writing] of Object.entries(writings)) {
    conversation(name, { needs: writing.needs ?? ['response'] }, async (stage) => {
      const { client, store } = await stage.open({
        '/': putAndWrite((res) => writing.write(res)),
        '/get': get,
      })
      const opened = client.open('/', { method: writing.method ?? 'GET' })
      const { status, statusMessage, header } = await opened.head()
      expect(store.size).toBe(1)

      expect(status).toBe(writing.status ?? 200)
      if (stage.kind.protocol === 'http' && writing.statusMessage) {
        expect(statusMessage).toBe(writing.statusMessage)
      }
      for (const [name, values] of Object.entries(writing.headers ?? {})) {
        expect(header(name).join(', ').split(', ').filter(Boolean), name).toEqual(values)
      }
      const cookies = header('set-cookie')
      expect(cookies.slice(0, -1)).toEqual(writing.cookies ?? [])
      expect(cookies.at(-1)).toMatch(/^session=[\w-]{43};/)
      expect(hash((await opened.answer()).body)).toEqual(hash(writing.body ?? ''))

      client.keep(cookies)
      expect((await client.get('/get')).body).toBe('bar')
    })
  }
})

// A difference between two long texts takes minutes to tell.
function hash(text: string): string {
  return text.length < 100 ? text : createHash('sha256').update(text).digest('hex')
}
