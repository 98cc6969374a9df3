// Values of sessions in the model: typed as in a transcript, in Go's kinds or in those that are left of them here.

import { GobStandIn } from '../golden-server/gob-stand-in.ts'
import { PlainJsonCodec } from '../golden-server/plain-json-codec.ts'
import {
  compareBytes,
  floatTyped,
  fromTyped,
  type Typed,
  timeText,
  toPlain,
  toTyped,
} from '../golden-server/typed-values.ts'
import type { Dialect } from './dialect.ts'

/** A value as it is kept. */
export function kept(typed: Typed, dialect: Dialect): Typed {
  let value = asInGo(typed)
  if (dialect.has('oneNumber')) value = mapDeep(value, oneNumber)
  if (dialect.has('utcTimes')) value = mapDeep(value, utcMilliseconds)
  return value
}

// As Go prints what was put: integers, floats and times of their own kinds, the length of lists.
function asInGo(typed: Typed): Typed {
  switch (typed.t) {
    case 'int':
    case 'int32':
      return { t: typed.t, v: String(BigInt(String(typed.v ?? 0))) }
    case 'float64':
      return floatTyped(fromTyped(typed) as number)
    case 'time.Time':
      return { t: typed.t, v: rfc3339Nano(String(typed.v)) }
    case '[]interface {}': {
      const list = (Array.isArray(typed.v) ? typed.v : []) as Typed[]
      return counted({ t: typed.t, v: list.map(asInGo) }, list.length)
    }
    case 'map[string]interface {}': {
      const entries = (Array.isArray(typed.v) ? typed.v : []) as [Typed, Typed][]
      const sorted = entries
        .map(([key, value]): [Typed, Typed] => [toTyped(fromTyped(key)), asInGo(value)])
        .sort(([a], [b]) => compareBytes(String(a.v ?? a.hex), String(b.v ?? b.hex)))
      return counted({ t: typed.t, v: sorted }, sorted.length)
    }
    default:
      return toTyped(fromTyped(typed))
  }
}

/** Go's RFC3339Nano: no zeros at the end of the fraction. */
export function rfc3339Nano(text: string): string {
  return text
    .replace(/(\.\d*?)0*(?=Z|[+-])/, '$1')
    .replace(/\.(?=Z|[+-])/, '')
    .replace(/[+-]00:00$/, 'Z')
}

/** What a codec gives back of a value; `undefined` when it cannot encode it. */
export function decoded(
  typed: Typed,
  codec: string,
  registered: boolean,
  dialect: Dialect,
): Typed | undefined {
  if (codec === 'json') return throughJson(typed, dialect)
  const known = dialect.has('everyType') ? isEncodable(typed) : isKnownToGob(typed, registered)
  return known ? typed : undefined
}

// What JSON makes of a value; numbers are float64 in Go, and times keep their zone.
function throughJson(typed: Typed, dialect: Dialect): Typed | undefined {
  if (!dialect.has('utcTimes')) typed = mapDeep(typed, asText)
  const plain = toPlain(fromTyped(typed))
  const text = JSON.stringify(plain)
  if (text === undefined || (plain === null && /^(?:func|chan)$/.test(typed.t))) return undefined
  return fromJson(JSON.parse(text), dialect)
}

const maxSize = 1_000_000
const codecs = { gob: new GobStandIn(), json: new PlainJsonCodec() }

/** Whether a session is too large for a commit. */
export function isTooLarge(values: ReadonlyMap<string, Typed>, codec: string): boolean {
  // Most are small, and need no measuring.
  if (JSON.stringify([...values]).length < maxSize / 8) return false
  const held = new Map([...values].map(([key, typed]) => [key, fromTyped(typed)]))
  return codecs[codec === 'json' ? 'json' : 'gob'].encode(new Date(), held).length > maxSize
}

/** A value that JSON.parse has given. */
export function fromJson(value: unknown, dialect: Dialect): Typed {
  const typed = toTyped(value)
  return dialect.has('oneNumber') ? typed : mapDeep(typed, asFloat)
}

function asText(typed: Typed): Typed {
  return typed.t === 'time.Time' ? { t: 'string', v: typed.v } : typed
}

function asFloat(typed: Typed): Typed {
  return typed.t === 'int' ? floatTyped(Number(typed.v)) : typed
}

function mapDeep(typed: Typed, change: (typed: Typed) => Typed): Typed {
  if (typed.t === '[]interface {}') {
    return { ...typed, v: (typed.v as Typed[]).map((item) => mapDeep(item, change)) }
  }
  if (typed.t === 'map[string]interface {}') {
    const entries = typed.v as [Typed, Typed][]
    return { ...typed, v: entries.map(([key, item]) => [key, mapDeep(item, change)]) }
  }
  return change(typed)
}

// An int32, a float64 without a fraction: a number, printed as an int.
function oneNumber(typed: Typed): Typed {
  if (typed.t === 'int' || typed.t === 'int32') return toTyped(Number(typed.v))
  return typed.t === 'float64' ? toTyped(fromTyped(typed)) : typed
}

// A Date has neither a zone nor nanoseconds.
function utcMilliseconds(typed: Typed): Typed {
  if (typed.t !== 'time.Time') return typed
  return { ...typed, v: timeText(new Date(String(typed.v))) }
}

const registrable: readonly string[] = [
  'time.Time',
  'map[string]interface {}',
  '[]interface {}',
  'map[string]string',
  '[]time.Time',
]

const basic =
  /^(?:\[\])?(?:u?int(?:8|16|32|64)?|uintptr|float(?:32|64)|complex(?:64|128)|bool|string|byte)$/

// Gob knows the basic types and slices of them; others as interface values must have been registered.
function isKnownToGob(typed: Typed, registered: boolean): boolean {
  if (typed.t === 'nil' || basic.test(typed.t)) return true
  if (!registered || !registrable.includes(typed.t)) return false
  return inside(typed).every((item) => isKnownToGob(item, registered))
}

function isEncodable(typed: Typed): boolean {
  if (/^(?:func|chan|unregistered)$/.test(typed.t)) return false
  return inside(typed).every(isEncodable)
}

function inside(typed: Typed): Typed[] {
  if (typed.t === '[]interface {}') return typed.v as Typed[]
  if (typed.t !== 'map[string]interface {}') return []
  return (typed.v as [Typed, Typed][]).map(([, item]) => item)
}

function counted(typed: Typed, length: number): Typed {
  return length === 0 ? typed : { ...typed, len: length }
}
