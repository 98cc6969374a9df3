import { types } from 'node:util'

// A fixed limit, far from the end of any stack: what was written can be read, wherever it is called from.
const maxDepth = 500

// Larger ones are made of their digits in more than linear time: 20 MB take seconds. Up to here, it is as fast as JSON.parse.
const mostDigits = 10_000
const bigintLimit = 10n ** BigInt(mostDigits)

/** The objects that a walk is inside of. Not their property names, which may be data. */
type Trail = object[]

/**
 * The value of a session key as JSON can hold it, `{ $tag: … }` for a value that JSON lacks; the value itself when it
 * is plain. Throws a TypeError that names `key`, and says how deep inside, when a part cannot be kept.
 */
export function packValue(key: string, value: unknown): unknown {
  if (typeof value === 'string' || typeof value === 'boolean') return value
  const trail: Trail = []
  try {
    return pack(value, trail)
  } catch (error) {
    // The name of a class can be a getter, which throws what it likes.
    const reason = error instanceof Refusal ? error.message : 'cannot be read'
    throw new TypeError(
      `the session value ${JSON.stringify(key)} cannot be stored: ${placeOf(trail)} ${reason}; JsonCodec keeps plain objects, arrays, strings, numbers, booleans, null, undefined, bigint, Date, Uint8Array, Map and Set`,
    )
  }
}

/** Whether {@link unpackValue} may find a tag, or too many levels, in what JSON.parse makes of `text`. */
export function mayNeedUnpacking(text: string): boolean {
  return text.includes('$') || text.includes('\\u') || mayBeTooDeep(text)
}

/**
 * What {@link packValue} was given, from what JSON.parse made of its text; `value` is changed in place. Throws an Error
 * when it holds a tag that `packValue` does not write.
 */
export function unpackValue(value: unknown): unknown {
  return unpack(value, 0)
}

/** The pairs of a key and a value in `content`; `undefined` when it holds anything else, or a key twice. */
export function pairsOf(content: unknown): [string, unknown][] | undefined {
  if (!Array.isArray(content) || !content.every(isPair)) return undefined
  const keys = new Set(content.map(([key]) => key))
  const areKeys = keys.size === content.length && content.every(([key]) => typeof key === 'string')
  return areKeys ? (content as [string, unknown][]) : undefined
}

/** The Date whose `toISOString` is exactly `text`; `undefined` when there is none. */
export function isoTime(text: unknown): Date | undefined {
  const time = new Date(typeof text === 'string' ? text : Number.NaN)
  const isTime = !Number.isNaN(time.getTime()) && time.toISOString() === text
  return isTime ? time : undefined
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

// By prototype, as what a subclass adds would be lost. Proxies are refused, as getters are: JSON.stringify would run
// their code again, and it may answer otherwise.
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
    if (!isData(record, name)) throw new Refusal('is a getter or a setter')
    const value = record[name]
    const plain = pack(value, trail)
    if (plain !== value) {
      if (packed === record) packed = { ...record }
      // The copy has a property of this name, so that this does not set the prototype even if it is `__proto__`.
      packed[name] = plain
    }
  }
  trail.pop()
  const [only] = names
  return names.length === 1 && only?.startsWith('$') ? { [`$${only}`]: packed[only] } : packed
}

function packArray(array: unknown[], trail: Trail): unknown {
  if (Object.keys(array).length !== array.length) throw new Refusal(notDense)
  refuseSymbols(array)
  trail.push(array)
  let packed = array
  for (let index = 0; index < array.length; index++) {
    const value = array[index]
    // As many keys as elements, but one of them is not an index.
    if (value === undefined && !Object.hasOwn(array, index)) throw new Refusal(notDense)
    const plain = pack(value, trail)
    if (plain !== value) {
      if (packed === array) packed = array.slice()
      packed[index] = plain
    }
  }
  trail.pop()
  return packed
}

const notDense = 'is an array with holes or with extra properties'

function packInstance(value: object, prototype: unknown, trail: Trail): unknown {
  if (
    (prototype === Uint8Array.prototype || prototype === Buffer.prototype) &&
    types.isUint8Array(value)
  ) {
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

function isData(record: object, name: string): boolean {
  const property = Object.getOwnPropertyDescriptor(record, name)
  return property !== undefined && 'value' in property
}

function refuseSymbols(value: object): void {
  if (Object.getOwnPropertySymbols(value).length > 0) throw new Refusal('has a symbol as a key')
}

function instanceText(prototype: unknown): string {
  const { constructor: maker } = prototype as { constructor?: unknown }
  return typeof maker === 'function' && maker.name !== ''
    ? `an instance of ${maker.name}`
    : 'an object with a prototype of its own'
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

function unpack(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  const record = value as Record<string, unknown>
  const names = Object.keys(record)
  const [only] = names
  if (names.length === 1 && only?.startsWith('$')) return untag(only, record[only], depth)
  checkDepth(depth)
  for (const name of names) {
    const inner = unpack(record[name], depth + 1)
    // What JSON.parse made is a property of the object itself, `__proto__` too, and this writes to it.
    if (inner !== record[name]) record[name] = inner
  }
  return record
}

function untag(tag: string, content: unknown, depth: number): unknown {
  const inside = (inner: unknown) => unpack(inner, depth + 1)
  switch (tag) {
    case '$undefined':
      if (content === true) return undefined
      break
    case '$number':
      if (specialNumbers.has(content)) return Number(content)
      break
    case '$bigint':
      if (isBigint(content)) return BigInt(content)
      break
    case '$date': {
      const time = content === null ? new Date(Number.NaN) : isoTime(content)
      if (time) return time
      break
    }
    case '$bytes':
      if (typeof content === 'string') {
        const bytes = Buffer.from(content, 'base64')
        // A copy, as small buffers are views of memory that they share.
        if (bytes.toString('base64') === content) return new Uint8Array(bytes)
      }
      break
    case '$map':
      checkDepth(depth)
      if (Array.isArray(content) && content.every(isPair)) {
        const map = new Map(content.map(([key, value]) => [inside(key), inside(value)]))
        if (map.size === content.length) return map
      }
      break
    case '$set':
      checkDepth(depth)
      if (Array.isArray(content)) {
        const set = new Set(content.map(inside))
        if (set.size === content.length) return set
      }
      break
    // Written by earlier versions, for an object with a key that JSON writes with an escape.
    case '$object': {
      checkDepth(depth)
      const pairs = pairsOf(content)
      if (pairs) return Object.fromEntries(pairs.map(([key, value]) => [key, inside(value)]))
      break
    }
    default:
      checkDepth(depth)
      if (tag.startsWith('$$')) return { [tag.slice(1)]: inside(content) }
      throw malformed('it holds a tag that is not known')
  }
  throw malformed(`what its tag ${tag} holds is malformed`)
}

const specialNumbers: ReadonlySet<unknown> = new Set(['NaN', 'Infinity', '-Infinity', '-0'])

function isBigint(content: unknown): content is string {
  // The sign, and the digits.
  if (typeof content !== 'string' || content.length > 1 + mostDigits) return false
  return /^(0|-?[1-9]\d*)$/.test(content) && (content.length <= mostDigits || content[0] === '-')
}

function checkDepth(depth: number): void {
  if (depth >= maxDepth) throw malformed(`it is deeper than ${maxDepth} levels`)
}

function isPair(value: unknown): value is [unknown, unknown] {
  return Array.isArray(value) && value.length === 2
}
