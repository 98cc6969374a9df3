import { types } from 'node:util'

// A fixed limit, far from the end of any stack: what was written can be read, wherever it is called
// from.
const maxDepth = 500

// The time to read a longer one grows faster than its length: 20 MB take seconds. Up to here, it is
// as fast as JSON.parse.
const mostDigits = 10_000
const bigintLimit = 10n ** BigInt(mostDigits)

/**
 * The objects around the present value, from the outermost. Without property names, which may be
 * data.
 */
type Trail = object[]

type Read = (part: unknown) => unknown

const bigintText = new RegExp(`^(0|-?[1-9]\\d{0,${mostDigits - 1}})$`)

const specialNumbers: ReadonlySet<unknown> = new Set(['NaN', 'Infinity', '-Infinity', '-0'])

const knownTag = /^\$(?:undefined|number|bigint|date|bytes|map|set|object)$/

/**
 * The value of a session key as JSON can hold it, `{ $tag: … }` for a value that JSON lacks; the
 * value itself when it is plain. Throws a TypeError that names `key`, and says how deep inside,
 * when a part cannot be kept.
 */
export function packValue(key: string, value: unknown): unknown {
  if (typeof value === 'string' || typeof value === 'boolean') return value
  const trail: Trail = []
  try {
    return pack(value, trail)
  } catch (error) {
    // The name of a class can be a getter, which may throw anything.
    const reason = error instanceof Refusal ? error.message : 'cannot be read'
    throw new TypeError(
      `the session value ${JSON.stringify(key)} cannot be stored: ${placeOf(trail)} ${reason}; JsonCodec keeps plain objects, arrays, strings, numbers, booleans, null, undefined, bigint, Date, Uint8Array, Map and Set`,
    )
  }
}

/**
 * Whether {@link unpackValue} may find a tag, or too many levels, in what JSON.parse makes of
 * `text`.
 */
export function mayNeedUnpacking(text: string): boolean {
  return text.includes('$') || text.includes('\\u') || mayBeTooDeep(text)
}

/**
 * What {@link packValue} was given, from what JSON.parse made of its text; `value` is changed in
 * place. Throws an Error when it holds a tag that `packValue` does not write.
 */
export function unpackValue(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value
  const record = value as Record<string, unknown>
  const names = Object.keys(record)
  const [only] = names
  if (names.length === 1 && only?.startsWith('$')) return untag(only, record[only], depth)
  checkDepth(depth)
  for (const name of names) {
    const inner = unpackValue(record[name], depth + 1)
    // JSON.parse made it a property of the object itself, `__proto__` too, so this sets no
    // prototype.
    if (inner !== record[name]) record[name] = inner
  }
  return record
}

/** {@link mapOf} for pairs whose keys are strings; `undefined` when one is not. */
export function textMapOf(content: unknown, read: Read): Map<string, unknown> | undefined {
  const map = mapOf(content, read)
  const isText = map && [...map.keys()].every((key) => typeof key === 'string')
  return isText ? (map as Map<string, unknown>) : undefined
}

/** The error of data that cannot be decoded. `reason` holds no part of the data. */
export function malformed(reason: string): Error {
  return new Error(`the session data is not what JsonCodec writes: ${reason}`)
}

class Refusal extends Error {}

function placeOf({ length }: Trail): string {
  if (length === 0) return 'it'
  return `something ${length} ${length === 1 ? 'level' : 'levels'} inside of it`
}

function pack(value: unknown, trail: Trail): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      if (Object.is(value, -0)) return { $number: '-0' }
      return Number.isFinite(value) ? value : { $number: String(value) }
    case 'undefined':
      return { $undefined: true }
    case 'bigint':
      if (value < bigintLimit && value > -bigintLimit) return { $bigint: String(value) }
      throw new Refusal(`is a bigint of more than ${mostDigits} digits`)
    case 'object':
      return value === null ? null : packObject(value, trail)
    default:
      throw new Refusal(`is a ${typeof value}`)
  }
}

// By prototype, as what a subclass adds would be lost. Proxies are refused, as getters are:
// JSON.stringify would run their code again, which may give another result.
function packObject(value: object, trail: Trail): unknown {
  if (types.isProxy(value)) throw new Refusal('is a proxy')
  if (trail.includes(value)) throw new Refusal('is a circular reference')
  if (trail.length === maxDepth) throw new Refusal(`is deeper than ${maxDepth} levels`)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) {
    return packRecord(value as Record<string, unknown>, trail)
  }
  if (prototype === Array.prototype && Array.isArray(value)) return packArray(value, trail)
  return packInstance(value, prototype, trail)
}

function packRecord(record: Record<string, unknown>, trail: Trail): unknown {
  const names = Object.keys(record)
  if (Object.getOwnPropertyNames(record).length !== names.length) {
    throw new Refusal('has a property that is not enumerable')
  }
  refuseSymbols(record)
  trail.push(record)
  let packed = record
  for (const name of names) {
    const property = Object.getOwnPropertyDescriptor(record, name)
    if (!property || !('value' in property)) throw new Refusal('is a getter or a setter')
    const value = record[name]
    const plain = pack(value, trail)
    if (plain !== value) {
      if (packed === record) packed = { ...record }
      // The copy has a property of this name, so this sets no prototype, even if the name is
      // `__proto__`.
      packed[name] = plain
    }
  }
  trail.pop()
  const [only] = names
  return names.length === 1 && only?.startsWith('$') ? { [`$${only}`]: packed[only] } : packed
}

function packArray(array: unknown[], trail: Trail): unknown {
  const names = Object.keys(array)
  // Indexes come before other names.
  if (names.length !== array.length || (names.at(-1) ?? '-1') !== String(array.length - 1)) {
    throw new Refusal('is an array with holes or with extra properties')
  }
  refuseSymbols(array)
  trail.push(array)
  let packed = array
  for (let index = 0; index < array.length; index++) {
    const value = array[index]
    const plain = pack(value, trail)
    if (plain !== value) {
      if (packed === array) packed = array.slice()
      packed[index] = plain
    }
  }
  trail.pop()
  return packed
}

function refuseSymbols(value: object): void {
  if (Object.getOwnPropertySymbols(value).length > 0) throw new Refusal('has a symbol as a key')
}

function packInstance(value: object, prototype: unknown, trail: Trail): unknown {
  const isBytes = prototype === Uint8Array.prototype || prototype === Buffer.prototype
  if (isBytes && types.isUint8Array(value)) {
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64') }
  }
  const isDate = prototype === Date.prototype && types.isDate(value)
  const isMap = prototype === Map.prototype && types.isMap(value)
  const isSet = prototype === Set.prototype && types.isSet(value)
  if (!isDate && !isMap && !isSet) throw new Refusal(`is ${instanceText(prototype)}`)
  if (Reflect.ownKeys(value).length > 0) throw new Refusal('has extra properties')
  // `null` for an invalid one.
  if (isDate) return { $date: value.toJSON() }
  trail.push(value)
  const packed = isMap
    ? { $map: Array.from(value, (entry) => entry.map((part) => pack(part, trail))) }
    : { $set: Array.from(value as Set<unknown>, (member) => pack(member, trail)) }
  trail.pop()
  return packed
}

// Each level begins with a bracket.
function mayBeTooDeep(text: string): boolean {
  if (text.length <= 2 * maxDepth) return false
  let brackets = 0
  for (const bracket of ['[', '{']) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (++brackets > maxDepth) return true
    }
  }
  return false
}

function untag(tag: string, content: unknown, depth: number): unknown {
  if (tag === '$undefined' && content === true) return undefined
  if (tag === '$number' && specialNumbers.has(content)) return Number(content)
  if (tag === '$date') {
    const time = new Date(typeof content === 'string' ? content : Number.NaN)
    const text = Number.isNaN(time.getTime()) ? null : time.toISOString()
    if (text === content) return time
  }
  if (typeof content === 'string') {
    if (tag === '$bigint' && bigintText.test(content)) return BigInt(content)
    if (tag === '$bytes') {
      const bytes = Buffer.from(content, 'base64')
      // A copy, as small buffers are views of memory that they share.
      if (bytes.toString('base64') === content) return new Uint8Array(bytes)
    }
  }
  checkDepth(depth)
  const inside = (inner: unknown) => unpackValue(inner, depth + 1)
  if (tag.startsWith('$$')) return { [tag.slice(1)]: inside(content) }
  if (tag === '$set' && Array.isArray(content)) {
    const set = new Set(content.map(inside))
    if (set.size === content.length) return set
  }
  if (tag === '$map') {
    const map = mapOf(content, inside)
    if (map) return map
  }
  // Written by earlier versions, for an object with a key that JSON writes with an escape.
  if (tag === '$object') {
    const map = textMapOf(content, inside)
    if (map) return Object.fromEntries(map)
  }
  throw malformed(
    knownTag.test(tag)
      ? `what its tag ${tag} holds is malformed`
      : 'it holds a tag that is not known',
  )
}

/**
 * A Map of the pairs in `content`, with what `read` makes of their keys and values; `undefined`
 * when `content` is something else, or has a key twice.
 */
function mapOf(content: unknown, read: Read): Map<unknown, unknown> | undefined {
  const isPair = (part: unknown) => Array.isArray(part) && part.length === 2
  if (!Array.isArray(content) || !content.every(isPair)) return undefined
  const map = new Map(content.map(([key, value]) => [read(key), read(value)]))
  return map.size === content.length ? map : undefined
}

function instanceText(prototype: unknown): string {
  const { constructor: maker } = prototype as { constructor?: unknown }
  return typeof maker === 'function' && maker.name !== ''
    ? `an instance of ${maker.name}`
    : 'an object with a custom prototype'
}

function checkDepth(depth: number): void {
  if (depth >= maxDepth) throw malformed(`it is deeper than ${maxDepth} levels`)
}
