// Where single cookies are written otherwise than by SCS, on purpose: rules for the vectors.

import { formatSetCookie, parseSetCookie } from './set-cookie.ts'
import type { WriteVector } from './vectors.ts'

/** A rule of how a cookie is written: the line as it is here. The same line: it says nothing of this one. */
export interface WriteDeparture {
  readonly name: string
  readonly row: string
  apply(line: string, vector: WriteVector): string
}

const byThePackage = "reads and writes cookies by Go's rules"

/** All apply, one after the other. */
export const writeDepartures: readonly WriteDeparture[] = [
  {
    name: 'a value outside the grammar of cookies is percent-encoded',
    row: byThePackage,
    apply: (line, { token }) => {
      // A percent sign is encoded with the rest, so that reading it gives it back.
      if (/^[\x21\x23\x24\x26-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/.test(token)) return line
      const [name] = line.split('=')
      const { attributes } = parseSetCookie(line)
      return formatSetCookie({ pair: `${name}=${encodeURIComponent(token)}`, attributes })
    },
  },
  {
    name: 'a domain is written as it is configured',
    row: byThePackage,
    apply: (line, { cookie: { domain } }) =>
      domain ? withAttribute(line, 'Domain', () => domain) : line,
  },
  {
    name: 'Max-Age is the true one',
    row: 'Max-Age ends at 292 years, dates at the year 1',
    apply: (line) => line.replace('; Max-Age=9223372037', '; Max-Age=<until>'),
  },
  {
    name: 'Expires ends with the year 9999',
    row: 'Max-Age ends at 292 years, dates at the year 1: a deadline past 9999 is a TypeError',
    apply: (line) =>
      line.replace(
        /Expires=\w{3}, 01 Jan 10000 00:00:00 GMT/,
        'Expires=Fri, 31 Dec 9999 23:59:59 GMT',
      ),
  },
  {
    name: 'within a millisecond of the zero time is the zero time',
    row: 'Max-Age ends at 292 years, dates at the year 1',
    apply: (line, { expiry }) => {
      if (!/^0001-01-01T00:00:00\.000\d+Z$/.test(expiry)) return line
      const ended = withAttribute(line, 'Max-Age', () => '0')
      return withAttribute(ended, 'Expires', () => 'Thu, 01 Jan 1970 00:00:01 GMT')
    },
  },
  {
    name: 'attributes have another order',
    row: byThePackage,
    apply: (line) => inOrder(line),
  },
]

const order: readonly string[] = [
  'Domain',
  'Path',
  'HttpOnly',
  'Secure',
  'Partitioned',
  'Priority',
  'SameSite',
  'Max-Age',
  'Expires',
]

/** The line with its attributes in the order in which they are written here. */
export function inOrder(line: string): string {
  const { pair, attributes } = parseSetCookie(line)
  const sorted = attributes.toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b))
  return formatSetCookie({ pair, attributes: sorted })
}

/** The line with the attribute set to what `change` makes of its value. */
export function withAttribute(
  line: string,
  name: string,
  change: (value: string | undefined) => string,
): string {
  const { pair, attributes } = parseSetCookie(line)
  const value = change(attributes.find(([other]) => other === name)?.[1])
  const present = attributes.some(([other]) => other === name)
  return formatSetCookie({
    pair,
    attributes: present
      ? attributes.map((each) => (each[0] === name ? ([name, value] as const) : each))
      : [...attributes, [name, value]],
  })
}
