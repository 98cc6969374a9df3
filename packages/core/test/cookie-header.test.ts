import { parseCookie } from 'cookie'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sessionTokens } from '../src/http/cookie.ts'
import { isWellFormedToken } from '../src/session/token.ts'

/** What the cookie package finds in each pair: the first four different tokens. */
function expectedTokens(header: string, name: string): string[] {
  const values = header
    .split(';')
    .map((pair) => parseCookie(pair, { decode: (value) => value })[name])
    .filter(isWellFormedToken)
  return [...new Set(values)].slice(0, 4)
}

function readTokens(cookie: string, name: string): string[] {
  return [sessionTokens({ cookie }, name)].flat().filter(Boolean)
}

test.each([
  ['', []],
  ['s', []],
  ['s=', []],
  ['=', []],
  ['s;', []],
  ['s;=a', []],
  ['s=a', ['a']],
  ['s=a;', ['a']],
  ['s = a', ['a']],
  ['\ts\t=\ta\t', ['a']],
  [' ; s=a', ['a']],
  ['s =', []],
  ['s= \t ', []],
  ['s= \t ;s=b', ['b']],
  ['s=a b', []],
  ['s=a=b', []],
  ['s==a', []],
  ['s="a"', []],
  ['s=%41%zz', []],
  ['S=a', []],
  ['ss=a', []],
  ['s2=a', []],
  ['2s=a', []],
  ['a s=b', []],
  ['s a=b', []],
  ['a=s=b', []],
  ['a= s=b', []],
  ['a=;s=b', ['b']],
  ['s;s=b', ['b']],
  ['s;a=1;s=b', ['b']],
  ['s=a;s=b', ['a', 'b']],
  ['s=;s=b', ['b']],
  ['ss=a;s=b', ['b']],
  ['s\0=a', []],
  ['s\xa0=a', []],
  ['\ns=a', []],
  ['s=\na\n', []],
  ['s=\0', []],
  ['s=ä🍪', []],
  ['s=a,s=b', []],
] as [string, string[]][])(
  'of %j the tokens %j are read, as in the cookie package',
  (header, tokens) => {
    expect(expectedTokens(header, 's')).toEqual(tokens)
    expect(readTokens(header, 's')).toEqual(tokens)
  },
)

test.each(['x'.repeat(65_536), 'сессия', 'a\x01\x7fb', '%41', 'ünïcödé'])(
  'a value that is no token, as it was sent, is not read: %.20s',
  (value) => {
    expect(readTokens(`s=${value}; a=1`, 's')).toEqual([])
  },
)

const names = ['s', 'session', 'ss', 'aa', 'a', '__proto__', 'constructor', '!#$%&*+-.^_`|~']
const pieces = ['=', ';', ' ', '\t', 's', 'a', 'x', '"', '%3B', ',', '\0', '\n', '\u00a0', 'ä']
const anyHeader = fc.oneof(
  fc.array(fc.constantFrom(...names, ...pieces), { maxLength: 40 }).map((parts) => parts.join('')),
  fc
    .array(fc.constantFrom(...names, '=', '=', ';', ';', ' '), { maxLength: 60 })
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 100 }),
)

test('of every header the tokens are read that the cookie package finds in its pairs', () => {
  fc.assert(
    fc.property(anyHeader, fc.constantFrom(...names), (header, name) => {
      expect(readTokens(header, name)).toEqual(expectedTokens(header, name))
    }),
    { numRuns: 13_000 },
  )
})
