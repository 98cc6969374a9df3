import { describe as nodeDescribe, it as nodeIt } from 'node:test'
import { MemoryStore, type Store } from '@scs/core'
import { describe, expectTypeOf, it } from 'vitest'
import { type TestRunner, testStore } from '../src/index.ts'

// As @types/jest and bun-types have them.
interface Jest {
  describe(name: string | number, fn: () => void): void
  it(
    name: string,
    fn?: ((done: (error?: unknown) => void) => undefined) | (() => PromiseLike<unknown>),
    timeout?: number,
  ): void
}
interface Bun {
  describe(label: string, fn: () => void): void
  it(
    label: string,
    fn: (() => Promise<unknown>) | ((done: (error?: unknown) => void) => void),
    options?: number | { timeout?: number },
  ): void
}

it('the runners of vitest, node:test, Jest and Bun fit', () => {
  expectTypeOf({ describe, it }).toExtend<TestRunner>()
  expectTypeOf({ describe: nodeDescribe, it: nodeIt }).toExtend<TestRunner>()
  expectTypeOf<Jest>().toExtend<TestRunner>()
  expectTypeOf<Bun>().toExtend<TestRunner>()
})

it('create gives a store or a target, now or later', () => {
  const store = new MemoryStore()
  const runner = { describe, it }
  const plain: Store = store
  void (() => testStore(runner, 'store', () => store))
  void (() => testStore(runner, 'store', () => plain))
  void (() => testStore(runner, 'store', async () => store))
  void (() => testStore(runner, 'store', () => ({ store })))
  void (() =>
    testStore(runner, 'store', async () => ({ store, [Symbol.asyncDispose]: async () => {} })))
  // @ts-expect-error: not a store
  void (() => testStore(runner, 'store', () => ({})))
  // @ts-expect-error: there is no such capability
  void (() => testStore(runner, 'store', () => store, { without: ['touch'] }))
})
