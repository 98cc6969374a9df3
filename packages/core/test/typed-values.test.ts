import { beforeEach, describe, expect, test } from 'vitest'
import { background, type Context, SessionManager } from '../src/index.ts'

type Getter = 'String' | 'Bool' | 'Int' | 'Int32' | 'Int64' | 'Float' | 'Bytes' | 'Time'

const bytes = new Uint8Array([0, 1, 255])
const time = new Date('2026-12-01T10:00:00.123Z')
const safest = Number.MAX_SAFE_INTEGER

/** What each getter gives when the key is absent or holds something else, and the values it gives back as they are. */
const getters: Record<Getter, { readonly zero: unknown; readonly own: readonly unknown[] }> = {
  // data_test.go TestGetString, TestPopString
  String: { zero: '', own: ['hello', '', '0', 'ünïcödé 🍪', '\0'] },
  // data_test.go TestGetBool, TestPopBool
  Bool: { zero: false, own: [true, false] },
  // data_test.go TestGetInt, TestPopInt
  Int: { zero: 0, own: [0, -0, 1, -1, 2 ** 31, -(2 ** 31) - 1, safest, -safest] },
  Int32: { zero: 0, own: [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)] },
  Int64: { zero: 0n, own: [0n, 1n, -1n, 2n ** 63n - 1n, 2n ** 64n] },
  // data_test.go TestGetFloat, TestPopFloat
  Float: {
    zero: 0,
    own: [0, 1, 1.5, -1e300, safest + 1, Number.NaN, Number.POSITIVE_INFINITY],
  },
  // data_test.go TestGetBytes, TestPopBytes
  Bytes: { zero: undefined, own: [bytes, new Uint8Array(0), Buffer.from('hello')] },
  // data_test.go TestGetTime, TestPopTime
  Time: { zero: undefined, own: [time, new Date(0), new Date(Number.NaN)] },
}

/** Values of every kind, by the getters that take them. */
const strangers: readonly [value: unknown, takenBy: readonly Getter[]][] = [
  ['1', ['String']],
  ['true', ['String']],
  ['2026-12-01T10:00:00.123Z', ['String']],
  [Object('boxed'), []],
  [true, ['Bool']],
  [1, ['Int', 'Int32', 'Float']],
  [2 ** 31, ['Int', 'Float']],
  [-(2 ** 31) - 1, ['Int', 'Float']],
  [safest + 1, ['Float']],
  [-safest - 1, ['Float']],
  [1.5, ['Float']],
  [Number.NaN, ['Float']],
  [Number.NEGATIVE_INFINITY, ['Float']],
  [1n, ['Int64']],
  [bytes, ['Bytes']],
  [bytes.buffer, []],
  [new Uint16Array(2), []],
  [[0, 1, 255], []],
  [time, ['Time']],
  [time.getTime(), ['Int', 'Float']],
  [null, []],
  [undefined, []],
  [{}, []],
  [() => 'hello', []],
]

const names = Object.keys(getters) as Getter[]
const manager = new SessionManager()
let ctx: Context

beforeEach(async () => {
  ctx = await manager.load(background(), '')
})

const read = (method: `${'get' | 'pop'}${Getter}`): unknown => manager[method](ctx, 'key')

describe.each(names)('get%s', (name) => {
  const { zero, own } = getters[name]

  test.each(own)('gives %o as it is, and keeps it', (value) => {
    manager.put(ctx, 'key', value)
    expect(read(`get${name}`)).toBe(value)
    expect(manager.get(ctx, 'key')).toBe(value)
  })

  test('gives its zero value for a key that is not there, and leaves the session unmodified', () => {
    expect(read(`get${name}`)).toBe(zero)
    expect(manager.status(ctx)).toBe('unmodified')
  })

  test.each(strangers.filter(([, takenBy]) => !takenBy.includes(name)))(
    'never coerces %o',
    (value) => {
      manager.put(ctx, 'key', value)
      expect(read(`get${name}`)).toBe(zero)
      expect(manager.get(ctx, 'key')).toBe(value)
    },
  )

  test.each(strangers.filter(([, takenBy]) => takenBy.includes(name)))('takes %o', (value) => {
    manager.put(ctx, 'key', value)
    expect(read(`get${name}`)).toBe(value)
  })
})

describe.each(names)('pop%s', (name) => {
  const { zero, own } = getters[name]

  test.each(own)('gives %o as it is, and removes it', async (value) => {
    manager.put(ctx, 'key', value)
    expect(read(`pop${name}`)).toBe(value)
    expect(manager.exists(ctx, 'key')).toBe(false)
    expect(read(`pop${name}`)).toBe(zero)
    expect(manager.status(ctx)).toBe('modified')
  })

  test('gives its zero value for a key that is not there, and leaves the session unmodified', () => {
    expect(read(`pop${name}`)).toBe(zero)
    expect(manager.status(ctx)).toBe('unmodified')
  })

  test.each(strangers.filter(([, takenBy]) => !takenBy.includes(name)))(
    'never coerces %o, but removes it, as SCS',
    (value) => {
      manager.put(ctx, 'key', value)
      expect(read(`pop${name}`)).toBe(zero)
      expect(manager.exists(ctx, 'key')).toBe(false)
    },
  )
})

test('bytes and times are given by reference', () => {
  manager.put(ctx, 'bytes', bytes)
  manager.put(ctx, 'time', time)
  expect(manager.getBytes(ctx, 'bytes')).toBe(bytes)
  expect(manager.getTime(ctx, 'time')).toBe(time)
})

test('values that went through the store keep their types', async () => {
  manager.put(ctx, 'string', 'hello')
  manager.put(ctx, 'bool', true)
  manager.put(ctx, 'int', 42)
  manager.put(ctx, 'int64', 42n)
  manager.put(ctx, 'float', 1.5)
  manager.put(ctx, 'bytes', bytes)
  manager.put(ctx, 'time', time)
  const committed = await manager.commit(ctx)
  const again = await manager.load(background(), committed?.token)
  expect(manager.getString(again, 'string')).toBe('hello')
  expect(manager.getBool(again, 'bool')).toBe(true)
  expect(manager.getInt(again, 'int')).toBe(42)
  expect(manager.getInt32(again, 'int')).toBe(42)
  expect(manager.getInt64(again, 'int64')).toBe(42n)
  expect(manager.getFloat(again, 'float')).toBe(1.5)
  expect(manager.getBytes(again, 'bytes')).toEqual(bytes)
  expect(manager.getTime(again, 'time')).toEqual(time)
})
