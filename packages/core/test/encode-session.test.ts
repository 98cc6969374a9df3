import { describe, expect, test } from 'vitest'
import {
  background,
  type Codec,
  type Context,
  hour,
  JsonCodec,
  MemoryStore,
  SessionManager,
  type SessionManagerOptions,
} from '../src/index.ts'
import { RecordingAtomicStore, RecordingStore } from './support/stores.ts'

const codec = new JsonCodec()

/** How many bytes a session with these values takes. */
const sizeOf = (values: Record<string, unknown>): number =>
  codec.encode(new Date('2030-01-01'), new Map(Object.entries(values))).length

async function site(options: SessionManagerOptions = {}) {
  const store = new MemoryStore({ cleanupInterval: 0 })
  const errors: unknown[] = []
  const onError = (error: unknown) => errors.push(error)
  const manager = new SessionManager({ store, onError, ...options })
  const load = (token = '') => manager.load(background(), token)
  const begin = async (values: Record<string, unknown>): Promise<string> => {
    const ctx = await load()
    put(manager, ctx, values)
    return (await manager.commit(ctx))?.token ?? ''
  }
  const valuesOf = async (token: string) => {
    const ctx = await load(token)
    return Object.fromEntries(manager.keys(ctx).map((key) => [key, manager.get(ctx, key)]))
  }
  return { store, manager, errors, load, begin, valuesOf }
}

function put(manager: SessionManager, ctx: Context, values: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(values)) manager.put(ctx, key, value)
}

const large = { cart: 'x'.repeat(1000), name: 'Ada', list: ['a', 'b'] }

describe('maxSize', () => {
  test('is 1,000,000 bytes by default, to the byte', async () => {
    const { manager, begin, load } = await site()
    expect(manager.maxSize).toBe(1_000_000)
    const text = 'x'.repeat(1_000_000 - sizeOf({ text: '' }))
    await begin({ text })
    const ctx = await load()
    manager.put(ctx, 'text', `${text}x`)
    const commit = manager.commit(ctx)
    await expect(commit).rejects.toThrow(TypeError)
    await expect(commit).rejects.toThrow(
      'the session takes 1000001 bytes, and the option maxSize allows 1000000; its largest key is "text": keep that value elsewhere, and in the session what finds it',
    )
  })

  test('counts bytes, not characters', async () => {
    const { begin } = await site({ maxSize: sizeOf({ text: 'ä'.repeat(100) }) - 1 })
    await begin({ text: 'x'.repeat(100) })
    await expect(begin({ text: 'ä'.repeat(100) })).rejects.toThrow('maxSize')
  })

  test('0 is no limit', async () => {
    const { begin, valuesOf } = await site({ maxSize: 0 })
    const text = 'x'.repeat(1_500_000)
    expect(await valuesOf(await begin({ text }))).toEqual({ text })
  })

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1 MB', 5n, null])(
    'is a whole number of bytes, not %o',
    (maxSize) => {
      const construct = () => new SessionManager({ maxSize: maxSize as never })
      expect(construct).toThrow(TypeError)
      expect(construct).toThrow('maxSize must be a whole number of bytes, 0 for no limit; it is ')
    },
  )

  test('the session that is stored, and what the request sees, stay as they are', async () => {
    const { manager, load, begin, valuesOf } = await site({ maxSize: 500 })
    const token = await begin({ name: 'Ada' })
    const ctx = await load(token)
    put(manager, ctx, large)
    await expect(manager.commit(ctx)).rejects.toThrow('largest key is "cart"')
    expect(manager.get(ctx, 'cart')).toBe(large.cart)
    expect(await valuesOf(token)).toEqual({ name: 'Ada' })
    manager.remove(ctx, 'cart')
    await manager.commit(ctx)
    expect(await valuesOf(token)).toEqual({ name: 'Ada', list: ['a', 'b'] })
  })

  test('names the largest key, also of what nobody has read, and nothing of its value', async () => {
    const { store, begin } = await site()
    const token = await begin({ small: 'a', secret: ['hunter2'.repeat(100)], other: ['b'] })
    const { manager, load } = await site({ store, maxSize: 100 })
    const ctx = await load(token)
    manager.put(ctx, 'flash', 'hello')
    const error: Error = await manager.commit(ctx).then(
      () => new Error('committed'),
      (error) => error,
    )
    expect(error.message).toContain('its largest key is "secret"')
    expect(error.message).not.toContain('hunter2')
  })

  test('cuts a key that is large itself', async () => {
    const { begin } = await site({ maxSize: 1000 })
    const error: Error = await begin({ [`a"${'x'.repeat(5000)}`]: 1 }).then(
      () => new Error('committed'),
      (error) => error,
    )
    expect(error.message).toMatch(/largest key is "a\\"x+…":/)
    expect(error.message.length).toBeLessThan(400)
  })

  test('is not applied to what is read, touched, destroyed or listed', async () => {
    for (const plain of [false, true]) {
      const store = plain ? new RecordingStore() : new RecordingAtomicStore()
      const { begin } = await site({ store, idleTimeout: hour, touchInterval: 0 })
      const token = await begin(large)
      const { manager, load, errors, valuesOf } = await site({
        store,
        maxSize: 100,
        idleTimeout: hour,
        touchInterval: 0,
      })
      expect(await valuesOf(token)).toEqual(large)
      const ctx = await load(token)
      expect(manager.status(ctx)).toBe('modified')
      expect(await manager.commit(ctx)).toMatchObject({ token })
      expect(errors).toEqual([])
      await manager.destroy(ctx)
      expect(store.size).toBe(0)
    }
  })

  test('is applied to a session that a renewal moves, and it stays where it is', async () => {
    const { store, begin } = await site()
    const token = await begin(large)
    const { manager, load, valuesOf } = await site({ store, maxSize: 100 })
    const ctx = await load(token)
    await manager.renewToken(ctx)
    await expect(manager.commit(ctx)).rejects.toThrow('largest key is "cart"')
    expect(await valuesOf(token)).toEqual(large)
  })

  test('is applied again after a conflict, to what others have made of the session meanwhile', async () => {
    const [a, b] = ['x'.repeat(300), 'x'.repeat(299)]
    const maxSize = sizeOf({ a, b }) - 1
    const { manager, load, begin, valuesOf, store } = await site({ maxSize })
    const elsewhere = new SessionManager({ store, maxSize })
    const token = await begin({ name: 'Ada' })
    const [one, two] = [await load(token), await elsewhere.load(background(), token)]
    manager.put(one, 'a', a)
    manager.remove(one, 'name')
    elsewhere.put(two, 'b', b)
    await elsewhere.commit(two)
    const commit = manager.commit(one)
    await expect(commit).rejects.toThrow(TypeError)
    await expect(commit).rejects.toThrow('largest key is "a"')
    expect(await valuesOf(token)).toEqual({ name: 'Ada', b })
  })

  test('of a merge: what is too large takes nothing in', async () => {
    const { manager, load, begin, valuesOf } = await site({ maxSize: 700 })
    const [mine, theirs] = [
      await begin({ a: 'x'.repeat(500) }),
      await begin({ b: 'x'.repeat(400) }),
    ]
    const ctx = await load(mine)
    await manager.mergeSession(ctx, theirs)
    await expect(manager.commit(ctx)).rejects.toThrow('largest key is "a"')
    expect(await valuesOf(mine)).toEqual({ a: 'x'.repeat(500) })
    expect(await valuesOf(theirs)).toEqual({ b: 'x'.repeat(400) })
  })

  test('the mark of a counted write is not counted', async () => {
    const { manager, load, begin, valuesOf } = await site({ maxSize: sizeOf({ visits: 10 }) })
    const token = await begin({ visits: 9 })
    const ctx = await load(token)
    manager.update(ctx, 'visits', (visits) => Number(visits) + 1)
    await manager.commit(ctx)
    expect(await valuesOf(token)).toEqual({ visits: 10 })
  })

  test('is of the bytes that the codec makes, whatever it can make of a part', async () => {
    const strict: Codec = {
      encode(deadline, values) {
        if (values.size !== 2) throw new Error('not a whole session')
        return codec.encode(deadline, values)
      },
      decode: (data) => codec.decode(data),
    }
    const { begin } = await site({ codec: strict, maxSize: 100 })
    await begin({ a: 1, b: 2 })
    await expect(begin({ a: 'x'.repeat(100), b: 2 })).rejects.toThrow(
      /^the session takes \d+ bytes, and the option maxSize allows 100; keep a part of it elsewhere/,
    )
  })
})
