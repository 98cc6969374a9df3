import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { cacheControlWithCookie, keepPrivate } from '../src/http/cache-control.ts'

const notice = 'no-cache="Set-Cookie"'

describe('cacheControlWithCookie', () => {
  test("is SCS's line alone where the handler has none", () => {
    expect(cacheControlWithCookie([])).toEqual([notice])
  })

  test('adds a line for each of several cookies, as SCS', () => {
    expect(cacheControlWithCookie([notice])).toEqual([notice, notice])
  })

  test.each([
    ['private'],
    ['no-store'],
    ['private, max-age=60'],
    ['max-age=60, PRIVATE'],
    ['No-Store, no-cache, must-revalidate'],
    ['public, private'],
  ])('leaves %j as it is: no shared cache stores it', (line) => {
    expect(cacheControlWithCookie([line])).toEqual([line, notice])
  })

  test.each([
    ['max-age=60', 'private, max-age=60'],
    ['no-cache', 'private, no-cache'],
    ['public', 'private'],
    ['public, max-age=3600', 'private, max-age=3600'],
    ['Public , MAX-AGE=3600', 'private, MAX-AGE=3600'],
    ['max-age=1,s-maxage=600,immutable', 'private, max-age=1, immutable'],
    ['S-MaxAge = 600', 'private'],
    ['s-maxage="600"', 'private'],
    ['publicity=1', 'private, publicity=1'],
    ['private="X-Field", max-age=1', 'private, private="X-Field", max-age=1'],
    [
      'note="a, public, \\" private", max-age=1',
      'private, note="a, public, \\" private", max-age=1',
    ],
    ['max-age=1, note="never closed, public', 'private, max-age=1, note="never closed, public'],
    [',, max-age=1,', 'private, max-age=1'],
    [`${notice}, public`, `private, ${notice}`],
  ])('makes %j private: %j', (line, expected) => {
    expect(cacheControlWithCookie([line])).toEqual([expected, notice])
  })

  test('looks at all lines together', () => {
    expect(cacheControlWithCookie(['public', 'max-age=5'])).toEqual([
      'private',
      'max-age=5',
      notice,
    ])
    expect(cacheControlWithCookie(['max-age=5', 'public'])).toEqual(['private, max-age=5', notice])
    expect(cacheControlWithCookie(['max-age=5', 'private'])).toEqual([
      'max-age=5',
      'private',
      notice,
    ])
  })

  test('made private once, it stays so for the cookies that follow', () => {
    const once = cacheControlWithCookie(['public, max-age=5'])
    expect(cacheControlWithCookie(once)).toEqual(['private, max-age=5', notice, notice])
  })

  test('a line without a directive is as good as none', () => {
    expect(cacheControlWithCookie([''])).toEqual(['', notice])
    expect(cacheControlWithCookie(['', 'max-age=1'])).toEqual(['private', 'max-age=1', notice])
  })

  test('gives a new array', () => {
    const lines = ['private']
    cacheControlWithCookie(lines)
    expect(lines).toEqual(['private'])
  })
})

describe('keepPrivate', () => {
  const response = () => new ServerResponse(new IncomingMessage(new Socket()))

  test.each([
    ['none', undefined, notice],
    ['one line', 'public, max-age=1', ['private, max-age=1', notice]],
    ['several lines', ['public', 'max-age=1'], ['private', 'max-age=1', notice]],
  ])('sets the lines of a response that has %s', (_what, before, after) => {
    const res = response()
    if (before !== undefined) res.setHeader('cache-control', before)
    keepPrivate(res)
    expect(res.getHeader('Cache-Control')).toEqual(after)
  })

  test.each([
    ['Expires', 'Thu, 01 Jan 2099 00:00:00 GMT'],
    ['CDN-Cache-Control', 'max-age=60'],
    ['CDN-Cache-Control', 'no-cache'],
    ['Surrogate-Control', 'max-age=60'],
  ])('%s: %s, without a Cache-Control, is leave to cache: it becomes private', (name, value) => {
    const res = response()
    res.setHeader(name, value)
    keepPrivate(res)
    keepPrivate(res)
    expect(res.getHeader('Cache-Control')).toEqual(['private', notice, notice])
  })

  test.each([
    ['CDN-Cache-Control', 'public, max-age=60'],
    ['cdn-cache-control', ['max-age=60', 'must-revalidate']],
    ['CDN-Cache-Control', 'private="X-Field"'],
    ['Cloudflare-CDN-Cache-Control', 'max-age=60'],
    ['Surrogate-Control', 'max-age=60, content="ESI/1.0"'],
    ['Surrogate-Control', 'private'],
    ['Edge-Control', '!no-store, max-age=60s'],
    ['X-Accel-Expires', '60'],
    ['X-Accel-Expires', '@4102444800'],
  ])('takes off %s: %j, which some caches obey in place of Cache-Control', (name, value) => {
    for (const cacheControl of ['public', 'private', 'no-store']) {
      const res = response()
      res.setHeader('Cache-Control', cacheControl)
      res.setHeader(name, value)
      keepPrivate(res)
      expect(res.hasHeader(name)).toBe(false)
      const kept = cacheControl === 'public' ? 'private' : cacheControl
      expect(res.getHeader('Cache-Control')).toEqual([kept, notice])
    }
  })

  test.each([
    ['CDN-Cache-Control', 'no-store'],
    ['CDN-Cache-Control', ['max-age=60', 'Private']],
    ['Surrogate-Control', 'No-Store'],
    ['Edge-Control', 'no-store'],
    ['X-Accel-Expires', '0'],
    ['X-Cache', 'max-age=60'],
  ])('leaves %s: %j', (name, value) => {
    const res = response()
    res.setHeader(name, value)
    keepPrivate(res)
    expect(res.getHeader(name)).toEqual(value)
    expect(res.getHeader('Cache-Control')).toBe(notice)
  })

  test('does the same to Headers', () => {
    const headers = new Headers({
      'Cache-Control': 'public, max-age=1',
      'CDN-Cache-Control': 'max-age=60',
      'Surrogate-Control': 'no-store',
    })
    keepPrivate(headers)
    expect([...headers]).toEqual([
      ['cache-control', `private, max-age=1, ${notice}`],
      ['surrogate-control', 'no-store'],
    ])
    const expiring = new Headers({ Expires: 'Thu, 01 Jan 2099 00:00:00 GMT' })
    keepPrivate(expiring)
    expect(expiring.get('Cache-Control')).toBe(`private, ${notice}`)
  })
})
