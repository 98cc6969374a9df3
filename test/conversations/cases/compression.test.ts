import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createGzip, gunzipSync } from 'node:zlib'
import compression from 'compression'
import { describe, expect } from 'vitest'
import type { Answer } from '../client/opened.ts'
import { conversation } from '../conversation.ts'
import type { Raw } from '../exchange.ts'
import { get } from '../routes.ts'
import type { Around, Route } from '../stage.ts'

const text = 'abcdefghij'.repeat(5_000)
const headers = { 'accept-encoding': 'gzip' }

const compress = compression({ threshold: 0 })

const byCompression = ({ req, res }: Raw, next: () => unknown) => {
  compress(req as never, res as never, next as never)
}

// As one might write it by hand: what is written is squeezed before it goes to the response.
const byHand = ({ res }: Raw, next: () => unknown) => {
  const { write, end } = res
  const gzip = createGzip()
  gzip.on('data', (chunk) => write.call(res, chunk, 'utf8'))
  gzip.on('end', () => Reflect.apply(end, res, []))
  res.setHeader('Content-Encoding', 'gzip')
  res.write = ((chunk: string) => gzip.write(chunk)) as ServerResponse['write']
  res.end = ((chunk?: string) => {
    gzip.end(chunk)
    return res
  }) as ServerResponse['end']
  return next()
}

const outside: Around = (next) => (req, res) => byCompression({ req, res }, () => next(req, res))

const plain: Route = (exchange, manager) => {
  manager.put(exchange.ctx, 'foo', 'bar')
  return exchange.answer({
    headers: { 'Content-Type': 'text/plain', 'X-Handler': '1' },
    body: text,
  })
}

const inside =
  (squeeze: (raw: Raw, next: () => unknown) => unknown): Route =>
  (exchange, manager) => {
    const raw = exchange.raw()
    return squeeze(raw, async () => {
      manager.put(exchange.ctx, 'foo', 'bar')
      raw.res.setHeader('Content-Type', 'text/plain')
      raw.res.setHeader('X-Handler', '1')
      if (!raw.res.write(text.slice(0, 20_000))) await once(raw.res, 'drain')
      raw.res.end(text.slice(20_000))
    })
  }

const places = {
  'compression around the sessions': { route: plain, around: outside, needs: ['raw'] },
  'compression within them': { route: inside(byCompression), around: undefined, needs: ['raw'] },
  'a zlib wrapper within them': { route: inside(byHand), around: undefined, needs: ['raw'] },
} as const

describe.each(Object.entries(places))('%s', (_place, { route, around, needs }) => {
  const options = around ? { around } : {}

  conversation('the answer is compressed, and has the cookie', { needs }, async (stage) => {
    const { client, store } = await stage.open({ '/': route, '/get': get }, options)
    const opened = client.open('/', { headers })
    await opened.head()
    expect(store.size).toBe(1)
    const answer = await opened.answer()
    expect(answer.header('content-encoding')).toEqual(['gzip'])
    expect(decode(answer) === text).toBe(true)
    expect(answer.header('set-cookie')).toHaveLength(1)
    client.keep(answer.header('set-cookie'))
    expect(decode(await client.get('/get'))).toBe('bar')
  })

  conversation('a commit that fails leaves one clean answer', { needs }, async (stage) => {
    const { client, store } = await stage.open({ '/': route }, options)
    store.fault = new Error('disk full')
    const answer = await client.get('/', { headers })
    expect([answer.status, decode(answer)]).toEqual([500, 'failed: disk full'])
    expect(answer.header('set-cookie')).toEqual([])
    expect(answer.header('x-handler')).toEqual([])
  })
})

function decode({ bytes, header }: Answer): string {
  return (header('content-encoding')[0] === 'gzip' ? gunzipSync(bytes) : bytes).toString()
}
