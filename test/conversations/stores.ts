import { setTimeout as delay } from 'node:timers/promises'
import {
  type AtomicStore,
  type Awaitable,
  background,
  type Context,
  MemoryStore,
  type Store,
} from '@scs/core'

/** The stores that every case runs on. */
export const stores: Readonly<Record<string, () => CaseStore>> = {
  MemoryStore: () => new CaseStore(),
  'a store that takes 20 ms': () => new CaseStore(20),
}

/** One write that waits. */
export interface Hold {
  /** Fulfilled when the write has come. */
  readonly arrived: Promise<void>
  release(): void
}

/**
 * {@link MemoryStore} behind a door: each call takes `ms` milliseconds, or answers at once. Writes can be made to fail,
 * and to wait.
 */
export class CaseStore implements Store, AtomicStore {
  readonly #memory = new MemoryStore({ cleanupInterval: 0 })
  readonly #ms: number
  readonly #holds: Array<() => Promise<void>> = []
  /** What every write rejects with. */
  fault: Error | undefined

  constructor(ms = 0) {
    this.#ms = ms
  }

  /** How many sessions there are. */
  get size(): number {
    return this.#memory.all().size
  }

  /** Has the next write, that nobody holds yet, wait for its release. */
  hold(): Hold {
    const arrived = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    this.#holds.push(() => {
      arrived.resolve()
      return released.promise
    })
    return { arrived: arrived.promise, release: released.resolve }
  }

  find(token: string): Awaitable<Uint8Array | undefined> {
    return this.#answer(() => this.#memory.find(token))
  }

  findWithExpiry(ctx: Context, token: string) {
    return this.#answer(() => this.#memory.findWithExpiry(ctx, token))
  }

  commit(token: string, data: Uint8Array, expiry: Date): Awaitable<void> {
    return this.#write(() => this.#memory.commit(token, data, expiry))
  }

  delete(token: string): Awaitable<void> {
    return this.#write(() => this.#memory.delete(token))
  }

  replace(...[, ...args]: Parameters<AtomicStore['replace']>): Awaitable<boolean> {
    return this.#write(() => this.#memory.replace(background(), ...args))
  }

  touch(...[, ...args]: Parameters<AtomicStore['touch']>): Awaitable<boolean> {
    return this.#write(() => this.#memory.touch(background(), ...args))
  }

  rename(...[, ...args]: Parameters<AtomicStore['rename']>): Awaitable<boolean> {
    return this.#write(() => this.#memory.rename(background(), ...args))
  }

  #write<T>(act: () => T): Awaitable<T> {
    const held = this.#holds.shift()?.()
    const write = () => {
      if (this.fault) throw this.fault
      return act()
    }
    return held ? held.then(() => this.#answer(write)) : this.#answer(write)
  }

  #answer<T>(act: () => T): Awaitable<T> {
    return this.#ms === 0 ? act() : delay(this.#ms).then(act)
  }
}
