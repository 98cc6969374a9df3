import type { AtomicStore, Awaitable, SessionStore } from '@scs/core'

/**
 * What a store may have beyond find, commit and delete, and what some cases need:
 *
 * - `'atomic'`: the methods of `AtomicStore`
 * - `'scan'`: `ScannableStore`
 * - `'all'`: `IterableStore` or `IterableCtxStore`
 * - `'extras'`: not of the store, but of its test: {@link StoreExtras}
 */
export type Capability = 'atomic' | 'scan' | 'all' | 'extras'

/**
 * How a test reaches what a user keeps beside the store's own columns: an extra column of the row,
 * or child rows that refer to it. The kit writes something there, commits again, and wants it back.
 */
export interface StoreExtras {
  /** Writes something of the user's to the row of `token`, which the store has committed. */
  write(token: string): unknown
  /**
   * Gives back what is there now, as anything that `assert.deepEqual` can compare; never
   * `undefined` or `null` after `write`.
   */
  read(token: string): unknown
}

/** A store under test with what belongs to it. */
export interface StoreTarget {
  /** The store. */
  readonly store: SessionStore
  /**
   * For stores whose rows may hold more than the store's own; without it, the case about that is
   * skipped.
   */
  readonly extras?: StoreExtras | undefined
  /**
   * `true` for a store whose `swap` first deletes the absorbed sessions and then writes, as its
   * documentation says: these may be lost when the session itself is written by another request
   * meanwhile. @default false
   */
  readonly absorbsInSteps?: boolean | undefined
  /** Called after each case, whether it passed or not: closes what `create` has opened. */
  [Symbol.asyncDispose]?(): Awaitable<void>
}

/** The methods of `AtomicStore`. */
export const atomicMethods = ['findWithExpiry', 'touch', 'swap'] as const

/** What the target has of {@link Capability}. Half an `AtomicStore` is none. */
export function capabilitiesOf(target: StoreTarget): ReadonlySet<Capability> {
  const { store } = target
  const capabilities = new Set<Capability>()
  if (isAtomic(store)) capabilities.add('atomic')
  if (typeof store.scan === 'function') capabilities.add('scan')
  if (typeof store.allCtx === 'function' || typeof store.all === 'function') capabilities.add('all')
  if (target.extras) capabilities.add('extras')
  return capabilities
}

/** Whether all methods of `AtomicStore` are there. */
export function isAtomic(store: SessionStore): store is SessionStore & AtomicStore {
  return missingAtomicMethods(store).length === 0
}

/** The methods of `AtomicStore` that are not there. */
export function missingAtomicMethods(store: SessionStore): readonly (keyof AtomicStore)[] {
  return atomicMethods.filter((method) => typeof store[method] !== 'function')
}
