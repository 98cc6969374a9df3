// Where single cookies are read and written otherwise than by SCS, on purpose: rules as in departures.ts, for the
// vectors.

import { formatSetCookie, parseSetCookie } from './set-cookie.ts'
import type { ReadVector, WriteVector } from './vectors.ts'

/** A rule of how a cookie is read: what is looked up then. `undefined`: it says nothing of this one. */
export interface ReadDeparture {
  readonly name: string
  readonly row: string
  apply(vector: ReadVector): string | null | undefined
}

/** A rule of how a cookie is written: the line as it is here. The same line: it says nothing of this one. */
export interface WriteDeparture {
  readonly name: string
  readonly row: string
  apply(line: string, vector: WriteVector): string
}

const byThePackage = "reads and writes cookies by Go's rules"

/** In this order; the first that says something decides. */
export const readDepartures: readonly ReadDeparture[] = [
  {
    name: 'a pair without = is no cookie',
    row: byThePackage,
    apply: (vector) =>
      pairs(vector).some(({ name, value }) => name === vector.name && value === undefined)
        ? firstToken(vector)
        : undefined,
  },
  {
    name: 'the first cookie of a name wins, also one that is empty or that Go skips as invalid',
    row: byThePackage,
    apply: (vector) => {
      const [first] = pairs(vector).filter(
        ({ name, value }) => name === vector.name && value !== undefined,
      )
      const skipped = first?.value === '' || /["\\]|[^\x20-\x7e]/.test(first?.value ?? '')
      return skipped ? firstToken(vector) : undefined
    },
  },
  {
    name: 'blanks around a value are no part of it',
    row: byThePackage,
    apply: (vector) =>
      vector.token !== null && /^[ \t]|[ \t]$/.test(vector.token) ? firstToken(vector) : undefined,
  },
  {
    name: 'a token outside its grammar is not looked up',
    row: 'looks up any string as a token, "" too in MergeSession',
    apply: ({ token }) => (token !== null && !isToken(token) ? null : undefined),
  },
]

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

/** Whether a token may be looked up. */
export function isToken(token: string): boolean {
  return /^[A-Za-z0-9_-]{1,43}$/.test(token)
}

// cookie-string = cookie-pair *( ";" SP cookie-pair ) (RFC 6265 section 4.2.1); blanks around names and values go.
function pairs({
  lines,
}: Pick<ReadVector, 'lines'>): { name: string; value: string | undefined }[] {
  return lines
    .join('; ')
    .split(';')
    .map((text) => {
      const equals = text.indexOf('=')
      return equals === -1
        ? { name: trimmed(text), value: undefined }
        : { name: trimmed(text.slice(0, equals)), value: trimmed(text.slice(equals + 1)) }
    })
}

/** What is looked up for a request with these Cookie lines: the first cookie of the name, if it is a token. */
export function firstToken(vector: Pick<ReadVector, 'name' | 'lines'>): string | null {
  const first = pairs(vector).find(({ name, value }) => name === vector.name && value !== undefined)
  return first?.value !== undefined && isToken(first.value) ? first.value : null
}

function trimmed(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}
