import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { cacheControlWithCookie, keepPrivate } from '../src/cache-control.ts'

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
})
