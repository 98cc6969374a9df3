// Values on the wire of the golden transcripts, {"t": a Go type, "v": …}, and their counterparts here. What has no
// counterpart (float32, uint8, []string …) is kept as a tagged object of this server's own.

/** A value and its Go type. `hex` stands for `v` where that is bytes; `bits` are those of a float. */
export interface Typed {
  readonly t: string
  readonly v?: unknown
  readonly hex?: string
  readonly bits?: string
  readonly len?: number
  readonly isNil?: boolean
}

/** Go's zero time, 1 January of the year 1. */
export const zeroTime = -62_135_596_800_000

const tag = '$go'

class Unregistered {
  readonly field = 1
}

/** What `put` stores for a typed value of a transcript. */
export function fromTyped(typed: Typed): unknown {
  switch (typed.t) {
    case 'string':
      return typed.hex === undefined ? String(typed.v ?? '') : textOf(bytesOf(typed.hex))
    case 'bool':
      return typed.v === true
    case 'int':
    case 'int32':
      return Number(typed.v ?? 0)
    case 'int64':
      return BigInt(String(typed.v ?? 0))
    case 'float64':
      return typed.bits === undefined ? floatOf(String(typed.v ?? 0)) : floatOfBits(typed.bits)
    case '[]byte':
    case '[]uint8':
      return bytesOf(typed.hex ?? '')
    case 'time.Time':
      return new Date(String(typed.v))
    case 'nil':
      return null
    case '[]interface {}':
      return listOf(typed).map(fromTyped)
    case 'map[string]interface {}':
      return new Map(entriesOf(typed).map(([key, value]) => [textOfKey(key), fromTyped(value)]))
    case 'func':
      return () => {}
    case 'chan':
      return Symbol('chan')
    case 'unregistered':
      return new Unregistered()
    default:
      return { [tag]: completed(typed) }
  }
}

/** How a value of a session reads in a transcript. */
export function toTyped(value: unknown): Typed {
  if (value === undefined || value === null) return { t: 'nil' }
  if (typeof value === 'string') return stringTyped(value)
  if (typeof value === 'boolean') return { t: 'bool', v: value }
  if (typeof value === 'bigint') return { t: 'int64', v: String(value) }
  if (typeof value === 'number') return numberTyped(value)
  if (typeof value === 'function') return { t: 'func' }
  if (typeof value === 'symbol') return { t: 'chan' }
  if (value instanceof Uint8Array) return bytesTyped(value)
  if (value instanceof Date) return timeTyped(value)
  if (value instanceof Unregistered) return { t: 'unregistered' }
  if (Array.isArray(value)) {
    return withLength({ t: '[]interface {}', v: value.map(toTyped) }, value.length)
  }
  const tagged = (value as { [tag]?: Typed })[tag]
  if (tagged !== undefined) return tagged
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  const sorted = entries
    .map(([key, item]): [string, Typed] => [String(key), toTyped(item)])
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([key, item]) => [stringTyped(key), item])
  return withLength({ t: 'map[string]interface {}', v: sorted }, sorted.length)
}

/** The values of a session, each typed; `undefined` when there is none, as Go leaves out what is empty. */
export function typedValues(
  values: ReadonlyMap<string, unknown>,
): Record<string, Typed> | undefined {
  if (values.size === 0) return undefined
  // fromEntries defines the properties, so that a key __proto__ is one like any other.
  return Object.fromEntries([...values].map(([key, value]) => [key, toTyped(value)]))
}

/** A string, in hex where its bytes are not UTF-8. */
export function stringTyped(text: string): Typed {
  return wellFormed(text) === text
    ? { t: 'string', v: text }
    : { t: 'string', hex: hexOf(bytesOfText(text)) }
}

/** An integer of the given kind. */
export function integerTyped(t: string, value: number | bigint): Typed {
  return { t, v: typeof value === 'bigint' ? String(value) : integerText(value) }
}

/** A float64, whatever the number. */
export function floatTyped(value: number): Typed {
  return { t: 'float64', v: floatText(value), bits: bitsOf(value) }
}

/** A []byte; `undefined` is nil. */
export function bytesTyped(value: Uint8Array | undefined): Typed {
  return value === undefined
    ? { t: '[]byte', hex: '', isNil: true }
    : { t: '[]byte', hex: hexOf(value) }
}

/** A time.Time in UTC; `undefined` is the zero time. */
export function timeTyped(value: Date | undefined): Typed {
  return { t: 'time.Time', v: timeText(value ?? new Date(zeroTime)) }
}

/** RFC 3339 without the zeros at the end of the fraction, as Go's RFC3339Nano. */
export function timeText(time: Date): string {
  return time.toISOString().replace(/\.?0*Z$/, 'Z')
}

/** What a plain JSON codec writes for a value: `undefined` for what JSON cannot say. */
export function toPlain(value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return wellFormed(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Date) return timeText(value)
  if (Array.isArray(value)) return value.map(toPlain)
  if (typeof value !== 'object') return value
  const tagged = (value as { [tag]?: Typed })[tag]
  if (tagged !== undefined) return taggedToPlain(tagged)
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return Object.fromEntries(entries.map(([key, item]) => [String(key), toPlain(item)]))
}

function taggedToPlain(typed: Typed): unknown {
  if (/^u?int\d*$/.test(typed.t) || /^float\d+$/.test(typed.t)) {
    const value = Number(String(typed.v).replace('Inf', 'Infinity'))
    return Number.isFinite(value) ? value : undefined
  }
  // Go writes null for a nil slice or map, and the transcripts' empty ones are nil.
  if (Array.isArray(typed.v) && typed.v.length === 0) return null
  if (typed.t.startsWith('map[')) {
    return Object.fromEntries(
      entriesOf(typed).map(([key, value]) => [textOfKey(key), toPlain(fromTyped(value))]),
    )
  }
  return Array.isArray(typed.v) ? listOf(typed).map((item) => toPlain(fromTyped(item))) : typed.v
}

/** As Go compares strings: by their UTF-8 bytes. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

// What Go adds when it prints a value that the transcript gave without: the bits of floats, the length of lists.
function completed(typed: Typed): Typed {
  if (typed.t === 'float32') {
    const value = floatOf(String(typed.v ?? 0))
    return { t: typed.t, v: floatText(value), bits: bitsOf32(value) }
  }
  if (typed.t.startsWith('map[')) {
    const entries = entriesOf(typed)
      .map(([key, value]): [Typed, Typed] => [printed(key), printed(value)])
      .sort(([a], [b]) => compareBytes(String(a.v ?? a.hex), String(b.v ?? b.hex)))
    return withLength({ t: typed.t, v: entries }, entries.length)
  }
  if (typed.t.startsWith('[')) {
    const list = listOf(typed).map(printed)
    return withLength({ t: typed.t, v: list }, list.length)
  }
  return typed
}

// An element keeps its own type also where a value of that type would be one of another here.
function printed(typed: Typed): Typed {
  if (typed.t === 'float64') return floatTyped(fromTyped(typed) as number)
  return typed.t.startsWith('[]') || typed.t.startsWith('map[') ? completed(typed) : typed
}

function withLength(typed: Typed, length: number): Typed {
  return length === 0 ? typed : { ...typed, len: length }
}

function numberTyped(value: number): Typed {
  return Number.isInteger(value) && !Object.is(value, -0)
    ? integerTyped('int', value)
    : floatTyped(value)
}

function integerText(value: number): string {
  return Number.isInteger(value) ? String(BigInt(value)) : String(value)
}

function floatOf(text: string): number {
  return Number(text.replace('Inf', 'Infinity'))
}

function floatOfBits(bits: string): number {
  return Buffer.from(bits, 'hex').readDoubleBE()
}

function bitsOf(value: number): string {
  // NaN has many patterns; this is Go's.
  if (Number.isNaN(value)) return '7ff8000000000001'
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes.toString('hex')
}

function bitsOf32(value: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatBE(value)
  return bytes.toString('hex')
}

// As strconv.FormatFloat(value, 'g', -1, 64).
function floatText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (Object.is(value, -0)) return '-0'
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 6) return plainDecimal(value)
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

function plainDecimal(value: number): string {
  return String(value).includes('e') ? value.toFixed(20).replace(/0+$/, '') : String(value)
}

function listOf(typed: Typed): readonly Typed[] {
  return Array.isArray(typed.v) ? typed.v : []
}

function entriesOf(typed: Typed): readonly (readonly [Typed, Typed])[] {
  return Array.isArray(typed.v) ? typed.v : []
}

function textOfKey(key: Typed): string {
  return String(key.hex === undefined ? (key.v ?? '') : textOf(bytesOf(key.hex)))
}

// Lone surrogates become U+FFFD.
function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

// Strings of Go are bytes, those here UTF-16: a byte that is not UTF-8 becomes the lone surrogate U+DC00 + byte, which
// no UTF-8 gives, and comes back as that byte.
function textOf(bytes: Uint8Array): string {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    let length = 4
    for (; length > 0; length--) {
      try {
        const character = strict.decode(bytes.subarray(at, at + length))
        if (character !== '' && [...character].length === 1) {
          text += character
          break
        }
      } catch {
        // Not a whole character: a shorter one may be.
      }
    }
    if (length === 0) text += String.fromCharCode(0xdc00 + (bytes[at] ?? 0))
    at += Math.max(length, 1)
  }
  return text
}

function bytesOfText(text: string): Uint8Array {
  return Buffer.concat(
    [...text].map((character) => {
      const unit = character.charCodeAt(0)
      const isByte = character.length === 1 && unit >= 0xdc80 && unit <= 0xdcff
      return isByte ? Buffer.from([unit - 0xdc00]) : Buffer.from(character)
    }),
  )
}
