import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { background, MemoryStore, minute, second } from '../src/index.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const start = Date.parse('2026-12-01T10:00:00Z')

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'performance'], now: start })
})

afterEach(() => {
  vi.useRealTimers()
})

/** The tokens of all rows, also of those that have expired: seen from before any of them did. */
const rowsOf = (store: MemoryStore): string[] => {
  const now = Date.now()
  vi.setSystemTime(0)
  const tokens = [...store.all().keys()]
  vi.setSystemTime(now)
  return tokens
}

// A sweep takes a turn of the event loop for every 1,000 rows.
async function sweepEnds(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const expiring = (milliseconds: number) => new Date(start + milliseconds)

describe('cleanup', () => {
  // memstore_test.go TestCleanupInterval
  test('removes only expired sessions, once every interval', async () => {
    const store = new MemoryStore({ cleanupInterval: second })
    store.commit('over', bytes('a'), expiring(500))
    store.commit('later', bytes('b'), expiring(1800))
    store.commit('live', bytes('c'), expiring(minute))
    expect(rowsOf(store)).toEqual(['over', 'later', 'live'])
    await vi.advanceTimersByTimeAsync(1200)
    expect(rowsOf(store)).toEqual(['later', 'live'])
    await vi.advanceTimersByTimeAsync(1200)
    expect(rowsOf(store)).toEqual(['live'])
    expect(store.find('live')).toEqual(bytes('c'))
  })

  test('runs about once a minute by default', async () => {
    const store = new MemoryStore()
    store.commit('over', bytes('a'), expiring(1))
    await vi.advanceTimersByTimeAsync(0.85 * minute)
    expect(rowsOf(store)).toEqual(['over'])
    await vi.advanceTimersByTimeAsync(0.3 * minute)
    expect(rowsOf(store)).toEqual([])
  })

  test('does not run when the interval is 0; expired sessions are never found', async () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    expect(vi.getTimerCount()).toBe(0)
    store.commit('over', bytes('a'), expiring(1))
    await vi.advanceTimersByTimeAsync(60 * minute)
    expect(rowsOf(store)).toEqual(['over'])
    expect(store.find('over')).toBeUndefined()
    expect(store.all().size).toBe(0)
  })

  test('removes sessions in batches and lets requests through between them', async () => {
    const store = new MemoryStore({ cleanupInterval: second })
    for (let i = 0; i < 2_500; i++) store.commit(`over${i}`, bytes(''), expiring(0))
    store.commit('live', bytes('a'), expiring(minute))
    vi.advanceTimersByTime(1200)
    expect(rowsOf(store)).toHaveLength(1_501)
    expect(store.find('live')).toEqual(bytes('a'))
    store.commit('new', bytes('b'), expiring(minute))
    await store.stopCleanup()
    expect(rowsOf(store)).toEqual(['live', 'new'])
  })

  test('a flood never leaves more than three times the live rows, however long the interval', async () => {
    const store = new MemoryStore({ cleanupInterval: 60 * minute })
    const lifetime = minute
    // 500 new sessions in ten seconds, for ten minutes.
    for (let time = 0; time < 10 * minute; time += 10 * second) {
      for (let n = 0; n < 500; n++) {
        store.commit(`${time}-${n}`, bytes(''), expiring(time + lifetime))
      }
      await vi.advanceTimersByTimeAsync(10 * second)
      await sweepEnds()
      const rows = rowsOf(store).length
      expect(rows).toBeLessThanOrEqual(3 * store.all().size)
    }
    await store.stopCleanup()
  })

  test('a session that is written again and again does not bring the next removal forward', async () => {
    const store = new MemoryStore({ cleanupInterval: 60 * minute })
    store.commit('over', bytes('a'), expiring(1))
    store.commit('token', bytes('a'), expiring(minute))
    for (let n = 0; n < 5_000; n++) {
      const row = { token: 'token', data: bytes('a') }
      const swap = { from: row, to: { ...row, expiry: expiring(minute) }, absorbed: [] }
      store.swap(background(), swap)
    }
    await vi.advanceTimersByTimeAsync(second)
    expect(rowsOf(store)).toEqual(['over', 'token'])
    await store.stopCleanup()
  })
})

describe('stopCleanup', () => {
  test('ends the cleanup, and keeps the sessions', async () => {
    const store = new MemoryStore({ cleanupInterval: second })
    store.commit('over', bytes('a'), expiring(1))
    store.commit('live', bytes('b'), expiring(60 * minute))
    await store.stopCleanup()
    await store.stopCleanup()
    await vi.advanceTimersByTimeAsync(minute)
    expect(rowsOf(store)).toEqual(['over', 'live'])
    expect(store.find('live')).toEqual(bytes('b'))
    store.commit('new', bytes('c'), expiring(60 * minute))
    expect(store.find('new')).toEqual(bytes('c'))
  })

  test('is called by Symbol.asyncDispose', async () => {
    const store = new MemoryStore({ cleanupInterval: second })
    expect(vi.getTimerCount()).toBe(1)
    await store[Symbol.asyncDispose]()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('options', () => {
  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '60000', true])(
    'cleanupInterval: %o is a TypeError that names it',
    (cleanupInterval) => {
      expect(() => new MemoryStore({ cleanupInterval: cleanupInterval as number })).toThrow(
        /^cleanupInterval must be a finite number of milliseconds/,
      )
    },
  )

  test('undefined is the default', () => {
    new MemoryStore({ cleanupInterval: undefined })
    expect(vi.getTimerCount()).toBe(1)
  })
})

describe('scan', () => {
  test('yields to the event loop every 5 ms, also among expired sessions', async () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    for (let n = 0; n < 100; n++) store.commit(`over${n}`, bytes('a'), expiring(1))
    for (let n = 0; n < 100; n++) store.commit(`live${n}`, bytes('a'), expiring(minute))
    vi.setSystemTime(start + second)
    // Each look at a clock takes a millisecond.
    let time = 0
    vi.spyOn(performance, 'now').mockImplementation(() => time++)
    let turns = 0
    const count = () => {
      turns++
      next = setImmediate(count)
    }
    let next = setImmediate(count)
    let live = 0
    for await (const _ of store.scan(background())) live++
    clearImmediate(next)
    expect(live).toBe(100)
    // 200 rows, a look for each and one for each new turn.
    expect(turns).toBeGreaterThanOrEqual(200 / 5 - 1)
  })
})

describe('bytes', () => {
  test('are copied when they are stored and when they are read', async () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    const given = bytes('data')
    store.commit('token', given, expiring(minute))
    given.fill(0)
    store.find('token')?.fill(0)
    store.findWithExpiry(background(), 'token')?.data.fill(0)
    store.all().get('token')?.fill(0)
    for await (const [, data] of store.scan(background())) data.fill(0)
    expect(store.find('token')).toEqual(bytes('data'))
  })

  test('are returned as a Uint8Array, also those of a Buffer', () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    store.commit('token', Buffer.from('data'), expiring(minute))
    expect(store.find('token')?.constructor).toBe(Uint8Array)
  })
})

describe('expiry', () => {
  test('ends a session to the millisecond', () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    store.commit('token', bytes('a'), expiring(10))
    vi.setSystemTime(start + 9)
    expect(store.find('token')).toEqual(bytes('a'))
    vi.setSystemTime(start + 10)
    expect(store.find('token')).toBeUndefined()
  })

  test('is copied too', () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    const expiry = expiring(10)
    store.commit('token', bytes('a'), expiry)
    expiry.setTime(0)
    store.findWithExpiry(background(), 'token')?.expiry.setTime(0)
    expect(store.findWithExpiry(background(), 'token')?.expiry).toEqual(expiring(10))
  })
})

describe('rows', () => {
  const token = fc.oneof(
    fc.base64String({ maxLength: 12 }),
    fc.constantFrom('', 'a', 'x'.repeat(8)),
  )

  test('are found under any token, and listed in any order', async () => {
    const change = fc.tuple(token, fc.option(fc.string(), { nil: undefined }))
    const property = fc.asyncProperty(fc.array(change), async (changes) => {
      const store = new MemoryStore({ cleanupInterval: 0 })
      const expected = new Map<string, Uint8Array>()
      for (const [token, text] of changes) {
        if (text === undefined) {
          store.delete(token)
          expected.delete(token)
        } else {
          store.commit(token, bytes(text), expiring(minute))
          expected.set(token, bytes(text))
        }
        expect(store.find(token)).toEqual(expected.get(token))
      }
      expect(store.all()).toEqual(expected)
      const scanned = new Map<string, Uint8Array>()
      for await (const [token, data] of store.scan(background())) scanned.set(token, data)
      expect(scanned).toEqual(expected)
    })
    await fc.assert(property)
  })

  test('may be deleted during a scan, which lists every other row', async () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    const tokens = Array.from({ length: 500 }, (_, n) => `token-${n}-${n % 7}`)
    for (const token of tokens) store.commit(token, bytes(token), expiring(minute))
    const seen: string[] = []
    for await (const [token] of store.scan(background())) {
      seen.push(token)
      store.delete(token)
    }
    expect(seen.toSorted()).toEqual(tokens.toSorted())
    expect(store.all().size).toBe(0)
  })
})

describe('scan', () => {
  test('leaves out sessions that expire during the scan', async () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    store.commit('first', bytes('a'), expiring(minute))
    store.commit('second', bytes('b'), expiring(10))
    store.commit('third', bytes('c'), expiring(minute))
    const tokens: string[] = []
    for await (const [token] of store.scan(background())) {
      tokens.push(token)
      vi.setSystemTime(start + 20)
    }
    expect(tokens).toEqual(['first', 'third'])
  })

  test('continues when rows are added and deleted during the scan', async () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    for (const token of ['a', 'b', 'c', 'd']) store.commit(token, bytes(token), expiring(minute))
    const tokens: string[] = []
    for await (const [token] of store.scan(background())) {
      tokens.push(token)
      if (token === 'a') store.delete('b')
    }
    expect(tokens).toEqual(['a', 'c', 'd'])
  })
})

describe('the atomic methods', () => {
  const ctx = background()
  let store: MemoryStore
  const expiryOf = (token: string) => store.findWithExpiry(ctx, token)?.expiry

  beforeEach(() => {
    store = new MemoryStore({ cleanupInterval: 0 })
    store.commit('live', bytes('old'), expiring(minute))
    store.commit('over', bytes('old'), expiring(0))
  })

  const row = (token: string, data: string) => ({ token, data: bytes(data) })
  const to = (token: string) => ({ ...row(token, 'new'), expiry: expiring(second) })

  test.each(['new', 'live'])('swap writes a session, and moves it: from live to %s', (token) => {
    const swap = { from: row('live', 'old'), to: to(token), absorbed: [] }
    expect(store.swap(ctx, swap)).toBe(true)
    expect([...store.all()]).toEqual([[token, bytes('new')]])
    expect(expiryOf(token)).toEqual(expiring(second))
    if (token !== 'live') expect(store.swap(ctx, swap)).toBe(false)
  })

  test('swap adds a session, and deletes the absorbed ones in the same step', () => {
    for (const token of ['one', 'two']) store.commit(token, bytes(token), expiring(minute))
    const absorbed = [row('one', 'one'), row('two', 'two')]
    expect(store.swap(ctx, { from: undefined, to: to('new'), absorbed })).toBe(true)
    expect([...store.all().keys()].sort()).toEqual(['live', 'new'])
    expect(store.swap(ctx, { from: row('live', 'old'), to: to('live'), absorbed })).toBe(false)
    expect(store.find('live')).toEqual(bytes('old'))
  })

  test.each([
    ['from holds other bytes', { from: row('live', 'else'), to: to('new'), absorbed: [] }],
    ['from holds more bytes', { from: row('live', 'ol'), to: to('live'), absorbed: [] }],
    ['from holds fewer bytes', { from: row('live', 'old '), to: to('live'), absorbed: [] }],
    ['from is not there', { from: row('missing', ''), to: to('new'), absorbed: [] }],
    ['from has expired', { from: row('over', 'old'), to: to('over'), absorbed: [] }],
    ['a live session has the new token', { from: undefined, to: to('live'), absorbed: [] }],
    ['an expired session has the new token', { from: undefined, to: to('over'), absorbed: [] }],
    [
      'an expired session has the token to move to',
      { from: row('live', 'old'), to: to('over'), absorbed: [] },
    ],
    [
      'an absorbed session holds other bytes',
      { from: undefined, to: to('new'), absorbed: [row('live', 'else')] },
    ],
    [
      'an absorbed session is not there',
      { from: row('live', 'old'), to: to('live'), absorbed: [row('missing', '')] },
    ],
    [
      'an absorbed session has expired',
      { from: row('live', 'old'), to: to('new'), absorbed: [row('over', 'old')] },
    ],
  ])('swap is false, and changes nothing, when %s', (_what, swap) => {
    expect(store.swap(ctx, swap)).toBe(false)
    expect([...store.all()]).toEqual([['live', bytes('old')]])
    expect(expiryOf('live')).toEqual(expiring(minute))
    expect(store.find('over')).toBeUndefined()
  })

  test('touch moves the expiry of a live session, both ways, and its data stays', () => {
    for (const expiry of [expiring(2 * minute), expiring(1)]) {
      expect(store.touch(ctx, 'live', expiry)).toBe(true)
      expect(expiryOf('live')).toEqual(expiry)
      expect(store.find('live')).toEqual(bytes('old'))
    }
  })

  test('touch finds no session that is missing or has expired, and makes none', () => {
    expect(store.touch(ctx, 'missing', expiring(minute))).toBe(false)
    expect(store.touch(ctx, 'over', expiring(minute))).toBe(false)
    expect(store.find('over')).toBeUndefined()
    expect(store.find('missing')).toBeUndefined()
  })
})
