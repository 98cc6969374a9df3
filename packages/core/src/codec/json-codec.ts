import { types } from 'node:util'
import type { Codec } from './codec.ts'
import { malformed, mayNeedUnpacking, packValue, textMapOf, unpackValue } from './json-values.ts'

// A byte order mark is not JSON; without `ignoreBOM` the decoder drops it silently.
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

// The last escape of a key. A false match only costs time.
const escapedKey = /\\.[^"\\]*"\s*:/
const jsonToken = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}:]/g
const asArray: Readonly<Record<string, string>> = { '{': '{"members":[', '}': ']}', ':': ',' }

// The years that ISO text writes with four digits, from Go's zero time on.
const firstDeadline = Date.parse('0001-01-01T00:00:00.000Z')
const lastDeadline = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * The default codec: UTF-8 JSON in one line. Databases can query it.
 *
 * ```json
 * {"deadline":1796119200000,"values":{"userID":42,"cart":[{"sku":"a"}],"since":{"$date":"2026-11-30T08:15:00.000Z"}}}
 * ```
 *
 * The deadline is in milliseconds since 1970. JSON with white space is read too, as databases may
 * write it, and so is a deadline in the form `"2026-12-01T10:00:00.000Z"`.
 *
 * Strings (lone surrogates too), finite numbers, booleans, `null`, arrays and plain objects are
 * written as JSON writes them; any string is a key, `__proto__` too. A value that JSON lacks is an
 * object with a single key, a tag:
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
 * | an object that looks like a tag, `{ $date: 1 }` | `{"$$date":1}`: one `$` more, wherever a single key starts with `$` |
 *
 * An object without a prototype comes back as a plain one, and a value that is there twice as two
 * copies. All else is refused, where JSON alone would change it silently: functions, symbols, class
 * instances (also of subclasses of the above, errors, promises and other typed arrays), boxed
 * primitives, circular references, arrays with holes or with extra properties, keys that are
 * symbols, properties that are not enumerable, getters, proxies, nesting deeper than 500 levels,
 * and a `bigint` of more than 10,000 digits. Data beyond these two limits is not read either.
 */
export class JsonCodec implements Codec {
  /**
   * Nothing else writes to the bytes: a store may keep them. Throws a TypeError that names the key
   * (and how deep inside its value, never the value) when a value cannot be kept, or when
   * `deadline` is not a Date of the years 1 to 9999.
   */
  encode(deadline: Date, values: ReadonlyMap<string, unknown>): Uint8Array {
    if (!types.isDate(deadline) || !isInRange(deadline)) {
      throw new TypeError('the deadline of a session must be a valid Date of the years 1 to 9999')
    }
    const packed: Record<string, unknown> = {}
    for (const [key, value] of values) {
      if (typeof key !== 'string') {
        throw new TypeError(`the key of a session value must be a string; one is a ${typeof key}`)
      }
      const plain = packValue(key, value)
      // An assignment to `__proto__` would set the prototype.
      if (key === '__proto__')
        Object.defineProperty(packed, key, { value: plain, enumerable: true })
      else packed[key] = plain
    }
    // From Buffer's pool: separate memory for a few bytes takes four times as long to allocate and
    // to collect.
    return Buffer.from(JSON.stringify({ deadline: deadline.getTime(), values: packed }))
  }

  /**
   * Throws an Error when any part of `data` is not what `encode` writes. Its message holds no part
   * of the data.
   */
  decode(data: Uint8Array): { deadline: Date; values: Map<string, unknown> } {
    const text = textOf(data)
    const session = parse(text)
    const values = isRecord(session) && valuesOf(session)
    if (!values) throw malformed('it is not an object of a deadline and values')
    if (mayNeedUnpacking(text)) {
      for (const [key, value] of values) values.set(key, unpackValue(value))
    }
    return { deadline: deadlineOf(session.deadline), values }
  }
}

function textOf(data: Uint8Array): string {
  if (!types.isUint8Array(data)) throw malformed(`it is of type ${typeof data}, not a Uint8Array`)
  try {
    return utf8Decoder.decode(data)
  } catch {
    throw malformed('it is not UTF-8')
  }
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return text.includes('\\') && escapedKey.test(text) ? parseEscaped(text) : value
  } catch {
    // The parser's own message quotes the text, so it is not passed on, not even as a cause.
    throw malformed('it is not JSON')
  }
}

// JSON.parse of some versions of V8 takes a key with an escape for a key that it parsed earlier,
// perhaps in the session of another visitor (nodejs/node#63785). So each object of text that has
// such a key is parsed as an array.
function parseEscaped(text: string): unknown {
  const rewritten = text.replace(
    jsonToken,
    (found) => (found.length > 1 ? found : asArray[found]) ?? '',
  )
  return objectsOf(JSON.parse(rewritten))
}

function objectsOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(objectsOf)
  const { members } = value as { members: unknown[] }
  const entries: [string, unknown][] = []
  for (let at = 0; at < members.length; at += 2) {
    entries.push([members[at] as string, objectsOf(members[at + 1])])
  }
  return Object.fromEntries(entries)
}

// `undefined` when `session` has other members than it may have.
function valuesOf(session: Record<string, unknown>): Map<string, unknown> | undefined {
  const { values, entries } = session
  const members = entries === undefined ? 2 : 3
  if (!isRecord(values) || Object.keys(session).length !== members) return undefined
  const map = new Map(Object.entries(values))
  if (entries === undefined) return map
  // Earlier versions wrote the values whose key has an escape as pairs.
  const pairs = textMapOf(entries, (part) => part)
  for (const [key, value] of pairs ?? []) map.set(key, value)
  return pairs && map
}

function deadlineOf(value: unknown): Date {
  const deadline = new Date(typeof value === 'number' ? value : String(value))
  const isTime = Number.isInteger(value) || deadline.toJSON() === value
  if (isTime && isInRange(deadline)) return deadline
  throw malformed('its deadline is not a time of the years 1 to 9999')
}

function isInRange(deadline: Date): boolean {
  const time = deadline.getTime()
  return time >= firstDeadline && time <= lastDeadline
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
