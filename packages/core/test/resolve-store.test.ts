import { describe, expect, test } from 'vitest'
import {
  background,
  type Context,
  contextKey,
  MemoryStore,
  SessionManager,
  type SessionStore,
  withSignal,
  withValue,
} from '../src/index.ts'
import { ResolvedStore } from '../src/store/resolve-store.ts'

const data = new Uint8Array([1])
const next = new Uint8Array([2])
const expiry = new Date('2026-12-01T10:00:00Z')
const tag = contextKey<string>('tag')
const { signal } = new AbortController()
const ctx = withSignal(withValue(background(), tag, 'tagged'), signal)

type Method =
  | 'find'
  | 'commit'
  | 'delete'
  | 'all'
  | 'findCtx'
  | 'commitCtx'
  | 'deleteCtx'
  | 'allCtx'
  | 'scan'
  | 'findWithExpiry'
  | 'touch'
  | 'swap'

interface Call {
  readonly method: Method
  readonly args: readonly unknown[]
  readonly self: unknown
}

/** A store with only these methods, which records how they are called. */
function storeWith(...methods: Method[]) {
  const calls: Call[] = []
  const store = Object.fromEntries(
    methods.map((method) => [
      method,
      function (this: unknown, ...args: unknown[]) {
        calls.push({ method, args, self: this })
        return `answer of ${method}`
      },
    ]),
  ) as unknown as SessionStore
  return { store, calls, last: () => calls[calls.length - 1] }
}

const plain = ['find', 'commit', 'delete'] as const
const withCtx = ['findCtx', 'commitCtx', 'deleteCtx'] as const
const atomic = ['findWithExpiry', 'touch', 'swap'] as const
const swap = {
  from: { token: 'token', data },
  to: { token: 'another', data: next, expiry },
  absorbed: [],
}

describe('a plain store', () => {
  test('is called without a context and with itself as `this`; its result is returned', () => {
    const { store, calls } = storeWith(...plain)
    const access = new ResolvedStore(store)
    expect(access.find(ctx, 'token')).toBe('answer of find')
    expect(access.commit(ctx, 'token', data, expiry)).toBe('answer of commit')
    expect(access.delete(ctx, 'token')).toBe('answer of delete')
    expect(calls).toEqual([
      { method: 'find', args: ['token'], self: store },
      { method: 'commit', args: ['token', data, expiry], self: store },
      { method: 'delete', args: ['token'], self: store },
    ])
    expect(access.atomic).toBeUndefined()
    expect(access.sessions).toBeUndefined()
  })
})

describe('a store with contexts', () => {
  test('is called by its methods with a context when it has both forms', () => {
    const { store, calls } = storeWith(...plain, ...withCtx)
    const access = new ResolvedStore(store)
    expect(access.find(ctx, 'token')).toBe('answer of findCtx')
    expect(access.commit(ctx, 'token', data, expiry)).toBe('answer of commitCtx')
    expect(access.delete(ctx, 'token')).toBe('answer of deleteCtx')
    expect(calls.map((call) => [call.method, ...call.args.slice(1)])).toEqual([
      ['findCtx', 'token'],
      ['commitCtx', 'token', data, expiry],
      ['deleteCtx', 'token'],
    ])
    for (const { self } of calls) expect(self).toBe(store)
  })

  test.each([
    ['findCtx', 'commit', 'delete'],
    ['find', 'commitCtx', 'delete'],
    ['find', 'commit', 'deleteCtx'],
    ['find', 'commitCtx', 'deleteCtx'],
  ] as const)('may have one form of each method: %s, %s, %s', (find, commit, remove) => {
    const { store, calls } = storeWith(find, commit, remove)
    const access = new ResolvedStore(store)
    access.find(ctx, 'token')
    access.commit(ctx, 'token', data, expiry)
    access.delete(ctx, 'token')
    expect(calls.map(({ method }) => method)).toEqual([find, commit, remove])
  })

  test('receives the context of a read unchanged, and that of a write without the signal', () => {
    const { store, calls } = storeWith(...withCtx, ...atomic)
    const access = new ResolvedStore(store)
    access.find(ctx, 'token')
    access.atomic?.findWithExpiry(ctx, 'token')
    for (const { args } of calls) expect(args[0]).toBe(ctx)
    calls.length = 0
    access.commit(ctx, 'token', data, expiry)
    access.delete(ctx, 'token')
    access.atomic?.touch(ctx, 'token', expiry)
    access.atomic?.swap(ctx, swap)
    expect(calls).toHaveLength(4)
    for (const { args } of calls) {
      expect((args[0] as Context).signal).toBeUndefined()
      expect((args[0] as Context).value(tag)).toBe('tagged')
    }
  })
})

describe('the atomic methods', () => {
  test('are called with the store as `this` and with all arguments', () => {
    const { store, calls } = storeWith(...plain, ...atomic)
    const access = new ResolvedStore(store)
    expect(access.atomic?.findWithExpiry(ctx, 'token')).toBe('answer of findWithExpiry')
    expect(access.atomic?.touch(ctx, 'token', expiry)).toBe('answer of touch')
    expect(access.atomic?.swap(ctx, swap)).toBe('answer of swap')
    expect(calls.map((call) => call.args.slice(1))).toEqual([['token'], ['token', expiry], [swap]])
    for (const { self } of calls) expect(self).toBe(store)
  })

  test.each(atomic)('a store that lacks only %s is a TypeError', (missing) => {
    const { store } = storeWith(...plain, ...atomic.filter((method) => method !== missing))
    expect(() => new SessionManager({ store })).toThrow(
      new TypeError(
        `store has only some of the atomic methods; ${missing} missing: all three or none`,
      ),
    )
  })

  test('the TypeError names each one that is missing', () => {
    const { store } = storeWith(...plain, 'touch')
    expect(() => new SessionManager({ store })).toThrow('findWithExpiry, swap missing')
  })
})

describe('swap', () => {
  const row = (token: string) => ({ token, data })
  const to = { token: 'to', data: next, expiry }

  test.each([
    ['absorbed has the token of from', { from: row('a'), to, absorbed: [row('b'), row('a')] }],
    ['absorbed has the token of to', { from: row('a'), to, absorbed: [row('to')] }],
    ['absorbed has the token of a new session', { from: undefined, to, absorbed: [row('to')] }],
    ['absorbed has a token twice', { from: row('a'), to, absorbed: [row('b'), row('b')] }],
  ])('throws a TypeError before the store is called when %s', (_what, swap) => {
    const { store, calls } = storeWith(...plain, ...atomic)
    expect(() => new ResolvedStore(store).atomic?.swap(ctx, swap)).toThrow(
      new TypeError(
        'swap.absorbed must not repeat a token, nor have the token of swap.from or swap.to',
      ),
    )
    expect(calls).toEqual([])
  })

  test.each([
    ['moves and absorbs two', { from: row('a'), to, absorbed: [row('b'), row('c')] }],
    ['stays and absorbs', { from: row('to'), to, absorbed: [row('b')] }],
    ['stays', { from: row('to'), to, absorbed: [] }],
    ['is new and absorbs', { from: undefined, to, absorbed: [row('b')] }],
  ])('reaches the store when the session %s', (_what, swap) => {
    const { store, last } = storeWith(...plain, ...atomic)
    expect(new ResolvedStore(store).atomic?.swap(ctx, swap)).toBe('answer of swap')
    expect(last()?.args[1]).toBe(swap)
  })
})

describe('listing the sessions', () => {
  test.each([
    ['scan', ['all', 'allCtx', 'scan']],
    ['allCtx', ['all', 'allCtx']],
    ['all', ['all']],
    ['scan', ['scan']],
  ] as const)('%s is called when the store has %j', (chosen, methods) => {
    const { store, last } = storeWith(...plain, ...methods)
    expect(new ResolvedStore(store).sessions?.(ctx)).toBe(`answer of ${chosen}`)
    expect(last()).toEqual({ method: chosen, args: chosen === 'all' ? [] : [ctx], self: store })
  })
})

describe('half a store', () => {
  test.each(['find', 'commit', 'delete'] as const)(
    'a store without %s and its form with a context is a TypeError that names both',
    (missing) => {
      for (const methods of [plain, withCtx]) {
        const { store } = storeWith(...methods.filter((method) => !method.startsWith(missing)))
        expect(() => new SessionManager({ store })).toThrow(
          new TypeError(`store has neither a method ${missing} nor ${missing}Ctx`),
        )
      }
    },
  )

  test.each([
    ['an empty object', {}],
    ['a Map', new Map()],
    ['properties that are no methods', { find: 1, commit: 2, delete: 3 }],
  ])('%s is a TypeError', (_what, store) => {
    expect(() => new SessionManager({ store: store as never })).toThrow(
      new TypeError('store has neither a method find nor findCtx'),
    )
  })
})

test.each([
  ['a string', 'redis://localhost', 'store must be an object; it is a string'],
  ['null', null, 'store must be an object; it is null'],
  [
    'a class',
    MemoryStore,
    'store must be an object; it is a function: call it, with new if it is a class',
  ],
  ['a promise', Promise.resolve(new MemoryStore()), 'store is a promise: await it first'],
])('%s is not a store', (_what, store, message) => {
  expect(() => new SessionManager({ store: store as never })).toThrow(new TypeError(message))
})

test('methods are chosen once: one that is added to the store later is not called', async () => {
  const { store, calls } = storeWith(...plain)
  const access = new ResolvedStore(store)
  Object.assign(store, storeWith(...withCtx).store)
  access.find(ctx, 'token')
  expect(calls.map(({ method }) => method)).toEqual(['find'])
})
