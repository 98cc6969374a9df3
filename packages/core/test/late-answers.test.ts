import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Awaitable } from '../src/index.ts'
import { change, code, increment, load, world } from './support/overlap.ts'

const storeTimeout = 1000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

it('storeTimeout ends the wait of a commit and of the commits in the queue behind it, and the session can be used again', async () => {
  const { manager, session, store, read } = world(1, { storeTimeout })
  const token = await session({ n: 0 })
  const contexts = await Promise.all(Array.from({ length: 3 }, () => load(manager, token)))
  for (const ctx of contexts) manager.update(ctx, 'n', increment)
  const { swap } = store
  store.swap = () => new Promise(() => {})
  const outcomes = contexts.map((ctx) => manager.commit(ctx).catch(code))
  await vi.advanceTimersByTimeAsync(storeTimeout)
  expect(await Promise.all(outcomes)).toEqual(Array(3).fill('ERR_SESSION_STORE_TIMEOUT'))
  store.swap = swap
  const after = await load(manager, token)
  manager.update(after, 'n', increment)
  await manager.commit(after)
  expect(read(token)).toEqual({ n: 1 })
})

it('a commit that timed out in the queue was never sent: the request can commit again', async () => {
  const { manager, session, store, read } = world(1, { storeTimeout })
  const token = await session({ n: 0 })
  const [first, second] = [await load(manager, token), await load(manager, token)]
  for (const ctx of [first, second]) manager.update(ctx, 'n', increment)
  const { swap } = store
  store.swap = () => new Promise(() => {})
  const outcomes = [first, second].map((ctx) => manager.commit(ctx).catch(code))
  await vi.advanceTimersByTimeAsync(storeTimeout)
  expect(await Promise.all(outcomes)).toEqual(Array(2).fill('ERR_SESSION_STORE_TIMEOUT'))
  store.swap = swap
  await manager.commit(second)
  expect(read(token)).toEqual({ n: 1 })
  await expect(manager.commit(first)).rejects.toMatchObject({ code: 'ERR_SESSION_IN_DOUBT' })
})

describe('a store that answers a commit after storeTimeout', () => {
  /** A commit that has timed out; `act` does what it has sent, `answer` answers it. */
  async function timedOut(token?: string) {
    const made = world(1, { storeTimeout })
    const { manager, session, store } = made
    const stored = token ?? (await session({ n: 0 }))
    const ctx = await load(manager, stored)
    manager.update(ctx, 'n', increment)
    const { swap } = store
    const answered = Promise.withResolvers<boolean>()
    let act = (): Awaitable<boolean> => false
    store.swap = (...args) => {
      store.swap = swap
      act = () => swap.apply(store, args)
      return answered.promise
    }
    const failed = manager.commit(ctx).catch(code)
    await vi.advanceTimersByTimeAsync(storeTimeout)
    expect(await failed).toBe('ERR_SESSION_STORE_TIMEOUT')
    store.calls.length = 0
    const answer = async (done: boolean) => {
      answered.resolve(done)
      for (let n = 0; n < 5; n++) await turn()
    }
    return { ...made, token: stored, ctx, act: () => act(), answer }
  }

  for (const done of [true, false]) {
    it(`is not called again by that commit when the answer is ${done}`, async () => {
      const { store, answer } = await timedOut()
      await answer(done)
      expect(store.calls).toEqual([])
    })
  }

  it('leaves a stored session in doubt, also when the late answer confirms the commit', async () => {
    const { manager, ctx, read, token, act, answer } = await timedOut()
    await act()
    await answer(true)
    manager.put(ctx, 'b', 2)
    await expect(manager.commit(ctx)).rejects.toMatchObject({ code: 'ERR_SESSION_IN_DOUBT' })
    expect(read(token)).toEqual({ n: 1 })
    expect(manager.keys(await load(manager, token))).toEqual(['n'])
  })

  it('writes what was sent late only while nobody has changed the session', async () => {
    const { elsewhere, read, token, act, answer } = await timedOut()
    await change(elsewhere, token, { b: 2 })
    expect(await act()).toBe(false)
    await answer(false)
    expect(read(token)).toEqual({ n: 0, b: 2 })
  })

  it('writes a new session under a token that is given up: the next commit uses another', async () => {
    const { manager, ctx, read, rows, act, answer } = await timedOut('unknown')
    expect(manager.token(ctx)).toBe('')
    const committed = await manager.commit(ctx)
    expect(Object.keys(rows())).toEqual([committed?.token])
    expect(await act()).toBe(true)
    await answer(true)
    expect(manager.token(ctx)).toBe(committed?.token)
    expect(read(committed?.token)).toEqual({ n: 1 })
    expect(Object.keys(rows())).toHaveLength(2)
  })
})

it('nothing is sent by a commit that times out while it reads the row after a conflict', async () => {
  const { manager, elsewhere, session, store, read } = world(1, { storeTimeout })
  const token = await session()
  const ctx = await load(manager, token)
  await change(elsewhere, token, { b: 2 })
  const { find } = store
  const found = Promise.withResolvers<void>()
  store.find = async (sought) => {
    store.find = find
    await found.promise
    return find.call(store, sought)
  }
  manager.put(ctx, 'c', 3)
  const failed = manager.commit(ctx).catch(code)
  for (let n = 0; n < 5; n++) await turn()
  await vi.advanceTimersByTimeAsync(storeTimeout)
  expect(await failed).toBe('ERR_SESSION_STORE_TIMEOUT')
  store.calls.length = 0
  found.resolve()
  for (let n = 0; n < 5; n++) await turn()
  expect(store.calls).toEqual(['find'])
  expect(read(token)).toEqual({ a: 1, b: 2 })
  // The store has refused the only swap: nothing is in doubt.
  await manager.commit(ctx)
  expect(read(token)).toEqual({ a: 1, b: 2, c: 3 })
})

it('nothing is sent after a conflict when storeTimeout is over', async () => {
  const { manager, elsewhere, session, store, read } = world(0, { storeTimeout })
  const token = await session()
  const ctx = await load(manager, token)
  await change(elsewhere, token, { b: 2 })
  manager.put(ctx, 'c', 3)
  const { find } = store
  store.find = (sought) => {
    store.find = find
    vi.advanceTimersByTime(storeTimeout)
    return find.call(store, sought)
  }
  store.calls.length = 0
  await expect(manager.commit(ctx)).rejects.toMatchObject({ code: 'ERR_SESSION_STORE_TIMEOUT' })
  expect(store.calls).toEqual(['swap', 'find'])
  expect(read(token)).toEqual({ a: 1, b: 2 })
})
