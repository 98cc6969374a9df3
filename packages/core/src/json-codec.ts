import { types } from 'node:util'
import type { Codec } from './codec.ts'
import { isoDate } from './date-text.ts'
import { isEscaped, pairsOf, parseJson } from './escaped-keys.ts'
import { none } from './few.ts'
import { JsonMembers, type JsonText, splitLines } from './json-lines.ts'
import { timeOf } from './json-time.ts'
import { mayBeTooDeep, packValue, unpackValue, unreadable } from './json-values.ts'
import { LazyValues, Unread } from './lazy-values.ts'

// A byte order mark is not JSON; without `ignoreBOM` the decoder drops it silently.
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

// The years that ISO text writes with four digits, from Go's zero time on.
const firstDeadline = Date.parse('0001-01-01T00:00:00.000Z')
const lastDeadline = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * The default codec: UTF-8 JSON that a person can read in the database and a query can look into.
 *
 * ```json
 * {"deadline":"2026-12-01T10:00:00.000Z","values":{"userID":42,
 * "since":{"$date":"2026-11-30T08:15:00.000Z"},
 * "cart":[{"sku":"a","quantity":2}]
 * }}
 * ```
 *
 * Each object and array has a line of its own, so that one that a request does not read is neither parsed nor made
 * anew; those with a tag are. JSON of the same values without line breaks, as databases write it, is read all the same.
 *
 * Strings (lone surrogates too), finite numbers, booleans, `null`, arrays and plain objects are written as JSON writes
 * them; any string is a key, `__proto__` too. What JSON has no word for is an object with a single key, a tag:
 *
 * | value | text |
 * |---|---|
 * | `undefined` | `{"$undefined":true}` |
 * | `NaN`, `Infinity`, `-Infinity`, `-0` | `{"$number":"NaN"}` … |
 * | `42n` | `{"$bigint":"42"}` |
 * | `Date` | `{"$date":"2026-11-30T08:15:00.000Z"}`; an invalid one: `{"$date":null}` |
 * | `Uint8Array`, `Buffer` | `{"$bytes":"aGVsbG8="}`, base64; both come back as `Uint8Array` |
 * | `Map` | `{"$map":[["key","value"]]}` |
 * | `Set` | `{"$set":["member"]}` |
 * | an object with a key that JSON would escape | `{"$object":[["5\" disk",1]]}` |
 * | an object like these, `{ $date: 1 }` | `{"$$date":1}`: one `$` more, wherever a single key starts with `$` |
 *
 * Values whose key JSON would escape are in an array of pairs before the others: `"entries":[["5\" disk",1]]`.
 *
 * An object without a prototype comes back as a plain one, and a value that is there twice as two copies. All else is
 * refused, where JSON alone would change it silently: functions, symbols, class instances (also of subclasses of the
 * above, errors, promises and other typed arrays), boxed primitives, circles, arrays with holes or with properties of
 * their own, keys that are symbols, properties that are not enumerable, getters, proxies, nesting deeper than 500
 * levels, and a `bigint` of more than 10,000 digits. Data beyond these two limits is not read either.
 */
export class JsonCodec implements Codec {
  /**
   * Nobody else writes to the bytes: a store may keep them. Throws a TypeError that names the key (and how deep
   * inside its value, never the value) when a value cannot be kept, or when `deadline` is not a Date of the years 1
   * to 9999.
   */
  encode(deadline: Date, values: ReadonlyMap<string, unknown>): Uint8Array {
    if (!types.isDate(deadline) || !isInRange(deadline)) {
      throw new TypeError('the deadline of a session must be a valid Date of the years 1 to 9999')
    }
    const members = new JsonMembers()
    for (const [key, value] of values instanceof LazyValues ? values.unreadEntries() : values) {
      if (typeof key !== 'string') {
        throw new TypeError(`the key of a session value must be a string; one is a ${typeof key}`)
      }
      members.add(key, Unread.is(value) ? value : packValue(key, value))
    }
    // From Buffer's pool: memory of its own for a few bytes takes four times as long to make, and to collect.
    const end = isoDate(deadline.getTime())
    const { escaped } = members
    return Buffer.from(
      escaped
        ? `{"deadline":"${end}","entries":${JSON.stringify(escaped)},"values":${members}}`
        : `{"deadline":"${end}","values":${members}}`,
    )
  }

  /**
   * Throws an Error, without a word of the data in it, for anything that `encode` does not write; `values` throws it when
   * an object or an array is read that is damaged in itself. They are read by the methods of the Map: `console.log` and
   * `structuredClone`, which look past those, are given a copy, `new Map(values)`.
   */
  decode(data: Uint8Array): { deadline: Date; values: Map<string, unknown> } {
    const { session, lines } = read(textOf(data))
    const entries = isRecord(session) && entriesOf(session)
    if (!entries || !isRecord(session.values)) {
      throw unreadable('it is not an object of a deadline and values')
    }
    const values = lines.length > 0 ? new LazyValues(readPlainValue) : new Map<string, unknown>()
    for (const key of Object.keys(session.values)) {
      const value = session.values[key]
      values.set(key, typeof value === 'object' ? unpackValue(value) : value)
    }
    if (entries !== none) for (const [key, value] of entries) values.set(key, unpackValue(value))
    for (const [key, value] of lines) {
      // A tag may be one that this version does not know: then the session is none that it can read.
      values.set(key, value.text.includes('"$') ? unpackValue(readValue(key, value.text)) : value)
    }
    return { deadline: deadlineOf(session.deadline), values }
  }
}

// Where what is outside of the lines is no JSON, the line breaks are of another making.
function read(text: string): { session: unknown; lines: JsonText['lines'] } {
  const parts = splitLines(text)
  try {
    if (parts) return { session: parseJson(parts.outline), lines: parts.lines }
  } catch {}
  return { session: parse(text, 'it'), lines: none }
}

function readValue(key: string, text: string): unknown {
  return parse(text, `its value ${JSON.stringify(key)}`)
}

// Without a tag there is nothing to unpack, but the depth to look at.
function readPlainValue(key: string, text: string): unknown {
  const value = readValue(key, text)
  return mayBeTooDeep(text) ? unpackValue(value) : value
}

function textOf(data: Uint8Array): string {
  if (!types.isUint8Array(data)) throw unreadable(`it is of type ${typeof data}, not a Uint8Array`)
  try {
    return utf8Decoder.decode(data)
  } catch {
    throw unreadable('it is not UTF-8')
  }
}

function parse(text: string, what: string): unknown {
  try {
    return parseJson(text)
  } catch {
    // The parser's own message quotes the text, so it is not passed on, not even as a cause.
    throw unreadable(`${what} is not JSON`)
  }
}

// `undefined` when `session` has other members than it may have.
function entriesOf(
  session: Record<string, unknown>,
): readonly (readonly [string, unknown])[] | undefined {
  const count = Object.keys(session).length
  if (count === 2) return none
  const entries = count === 3 ? pairsOf(session.entries) : undefined
  return entries?.every(([key]) => isEscaped(key)) ? entries : undefined
}

function deadlineOf(text: unknown): Date {
  const deadline = timeOf(text)
  if (deadline && isInRange(deadline)) return deadline
  throw unreadable('its deadline is not a time of the years 1 to 9999')
}

function isInRange(deadline: Date): boolean {
  const time = deadline.getTime()
  return time >= firstDeadline && time <= lastDeadline
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
