import { describe, expect, test } from 'vitest'
import { background, type Codec, hour, JsonCodec, SessionManager } from '../src/index.ts'
import { RecordingAtomicStore, RecordingStore } from './support/stores.ts'

const json = new JsonCodec()
const typesKey = '__types'
type Types = Record<string, string>

/** Keeps the types of a language that has several kinds of number; a number without a type is a float64. */
class TypedCodec implements Codec {
  encode(deadline: Date, values: ReadonlyMap<string, unknown>, origin: unknown = {}): Uint8Array {
    const known = origin as Types
    const types = [...values.keys()].map((key) => [key, known[key] ?? 'float64'])
    return json.encode(deadline, new Map(values).set(typesKey, Object.fromEntries(types)))
  }

  decode(data: Uint8Array) {
    const { deadline, values } = json.decode(data)
    const origin = values.get(typesKey)
    values.delete(typesKey)
    return { deadline, values, origin }
  }
}

const isMark = (key: string) => key === '__write'

function site(store: RecordingStore) {
  const deadline = new Date(Date.now() + hour)
  const options = { store, codec: new TypedCodec(), idleTimeout: hour, touchInterval: 0 }
  const write = (token: string, types: Types) => {
    const values = new Map(Object.keys(types).map((key) => [key, 1]))
    store.memory.commit(token, new TypedCodec().encode(deadline, values, types), deadline)
  }
  const typesOf = (token: string): Types => {
    const { origin } = new TypedCodec().decode(store.memory.find(token) ?? Buffer.alloc(0))
    return Object.fromEntries(Object.entries(origin as Types).filter(([key]) => !isMark(key)))
  }
  return { manager: new SessionManager(options), write, typesOf, options }
}

describe.each([
  ['with atomic methods', () => new RecordingAtomicStore()],
  ['with atomic methods that answer later', () => new RecordingAtomicStore(2)],
  ['without atomic methods', () => new RecordingStore()],
])('encode() receives the origin that decode() gave, on a store %s', (_, newStore) => {
  test('of the row that a commit writes over, each time', async () => {
    const { manager, write, typesOf } = site(newStore())
    write('a', { id: 'int64', visits: 'int32' })
    const ctx = await manager.load(background(), 'a')
    for (const visits of [2, 3]) {
      manager.put(ctx, 'visits', visits)
      manager.put(ctx, 'price', visits)
      await manager.commit(ctx)
      expect(typesOf('a')).toEqual({ id: 'int64', visits: 'int32', price: 'float64' })
    }
  })

  test('of a session that is only extended, or moved by a renewal', async () => {
    const { manager, write, typesOf } = site(newStore())
    write('a', { id: 'int64' })
    const ctx = await manager.load(background(), 'a')
    await manager.commit(ctx)
    expect(typesOf('a')).toEqual({ id: 'int64' })
    await manager.renewToken(ctx)
    const committed = await manager.commit(ctx)
    expect(typesOf(committed?.token ?? '')).toEqual({ id: 'int64' })
  })

  test('and undefined for a new session, also after destroy()', async () => {
    const { manager, write, typesOf } = site(newStore())
    write('a', { id: 'int64' })
    for (const token of ['', 'a']) {
      const ctx = await manager.load(background(), token)
      await manager.destroy(ctx)
      manager.put(ctx, 'id', 1)
      const committed = await manager.commit(ctx)
      expect(typesOf(committed?.token ?? '')).toEqual({ id: 'float64' })
    }
  })

  test('when it measures what is too large', async () => {
    const store = newStore()
    const { options, write } = site(store)
    write('a', { id: 'int64', visits: 'int32' })
    const origins = new Set<unknown>()
    class Listening extends TypedCodec {
      override encode(...[deadline, values, origin]: Parameters<Codec['encode']>): Uint8Array {
        origins.add(origin)
        return super.encode(deadline, values, origin)
      }
    }
    const manager = new SessionManager({ ...options, codec: new Listening(), maxSize: 10 })
    const ctx = await manager.load(background(), 'a')
    manager.update(ctx, 'visits', () => 2)
    await expect(manager.commit(ctx)).rejects.toThrow('maxSize')
    expect([...origins]).toEqual([{ id: 'int64', visits: 'int32' }])
  })
})

test('for each session of iterate(), encode() receives the origin of that session’s row', async () => {
  const store = new RecordingStore()
  const { options, write, typesOf } = site(store)
  for (const token of ['a', 'b']) write(token, { [token]: 'int64' })
  const manager = new SessionManager({ ...options, store: store.memory })
  await manager.iterate(background(), async (ctx) => {
    manager.put(ctx, 'seen', 1)
    await manager.commit(ctx)
  })
  for (const token of ['a', 'b'])
    expect(typesOf(token)).toEqual({ [token]: 'int64', seen: 'float64' })
})

describe('after a conflict, encode() receives the origin', () => {
  test('of the row that another program has written meanwhile', async () => {
    const { manager, write, typesOf } = site(new RecordingAtomicStore())
    write('a', { id: 'int32' })
    const ctx = await manager.load(background(), 'a')
    write('a', { id: 'int64', added: 'int8' })
    manager.put(ctx, 'visits', 1)
    await manager.commit(ctx)
    expect(typesOf('a')).toEqual({ id: 'int64', added: 'int8', visits: 'float64' })
  })

  test('of what another request of the same process has written', async () => {
    const { manager, write, typesOf } = site(new RecordingAtomicStore(2))
    write('a', { id: 'int32' })
    const contexts = await Promise.all([1, 2, 3].map(() => manager.load(background(), 'a')))
    await Promise.all(
      contexts.map((ctx) => {
        manager.update(ctx, 'id', (id) => Number(id) + 1)
        return manager.commit(ctx)
      }),
    )
    const ctx = await manager.load(background(), 'a')
    expect(manager.get(ctx, 'id')).toBe(4)
    expect(typesOf('a')).toEqual({ id: 'int32' })
  })
})
