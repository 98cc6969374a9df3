import { parseCookie } from 'cookie'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cookieValue, findCookie } from '../src/cookie-header.ts'

/** The value of the first cookie of that name. */
function first(header: string, name: string): string | undefined {
  const start = findCookie(header, name, 0)
  return start < 0 ? undefined : cookieValue(header, start)
}

/** All values of that name, in order. */
function all(header: string, name: string): string[] {
  const values: string[] = []
  for (let at = findCookie(header, name, 0); at >= 0; at = findCookie(header, name, at)) {
    values.push(cookieValue(header, at))
  }
  return values
}

function parsed(header: string, name: string): string | undefined {
  return parseCookie(header, { decode: (value) => value })[name]
}

test.each([
  ['', undefined],
  ['s', undefined],
  ['s=', ''],
  ['=', undefined],
  ['s;', undefined],
  ['s;=a', undefined],
  ['s=a', 'a'],
  ['s=a;', 'a'],
  ['s = a', 'a'],
  ['\ts\t=\ta\t', 'a'],
  [' ; s=a', 'a'],
  ['s =', ''],
  ['s= \t ', ''],
  ['s= \t ;s=b', ''],
  ['s=a b', 'a b'],
  ['s=a=b', 'a=b'],
  ['s==a', '=a'],
  ['s="a"', '"a"'],
  ['s=%41%zz', '%41%zz'],
  ['S=a', undefined],
  ['ss=a', undefined],
  ['s2=a', undefined],
  ['2s=a', undefined],
  ['a s=b', undefined],
  ['s a=b', undefined],
  ['a=s=b', undefined],
  ['a= s=b', undefined],
  ['a=;s=b', 'b'],
  ['s;s=b', 'b'],
  ['s;a=1;s=b', 'b'],
  ['s=a;s=b', 'a'],
  ['s=;s=b', ''],
  ['ss=a;s=b', 'b'],
  ['s\0=a', undefined],
  ['s\xa0=a', undefined],
  ['\ns=a', undefined],
  ['s=\na\n', '\na\n'],
  ['s=\0', '\0'],
  ['s=ä🍪', 'ä🍪'],
  ['s=a,s=b', 'a,s=b'],
])('in %j the first s is %j, as in the cookie package', (header, value) => {
  expect(parsed(header, 's')).toBe(value)
  expect(first(header, 's')).toBe(value)
})

test.each(['x'.repeat(65_536), 'сессия', 'a\x01\x7fb', '%41%00%zz%', 'ünïcödé'])(
  'a value is given as it was sent: %.20s',
  (value) => {
    expect(first(`s=${value}; a=1`, 's')).toBe(value)
  },
)

const names = ['s', 'session', 'ss', 'aa', 'a', '__proto__', 'constructor', '!#$%&*+-.^_`|~']
const pieces = ['=', ';', ' ', '\t', 's', 'a', 'x', '"', '%3B', ',', '\0', '\n', '\u00a0', 'ä']
const anyHeader = fc.oneof(
  fc.array(fc.constantFrom(...names, ...pieces), { maxLength: 40 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 100 }),
)

test('every header holds the value that the cookie package finds', () => {
  fc.assert(
    fc.property(anyHeader, fc.constantFrom(...names), (header, name) => {
      expect(first(header, name)).toBe(parsed(header, name))
    }),
    { numRuns: 10_000 },
  )
})

test('every header holds, pair by pair, the values that the cookie package finds in each', () => {
  fc.assert(
    fc.property(anyHeader, fc.constantFrom(...names), (header, name) => {
      const values = header
        .split(';')
        .map((pair) => parsed(pair, name))
        .filter((value) => value !== undefined)
      expect(all(header, name)).toEqual(values)
    }),
    { numRuns: 3000 },
  )
})
