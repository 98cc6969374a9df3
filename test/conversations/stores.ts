import { setTimeout as delay } from 'node:timers/promises'
import {
  type AtomicStore,
  type Awaitable,
  background,
  type Context,
  type IterableStore,
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
export class CaseStore implements Store, AtomicStore, IterableStore {
  readonly #memory = new MemoryStore({ cleanupInterval: 0 })
  /** How long each call takes; 0: it answers at once. */
  ms: number
  readonly #holds: Array<() => Promise<void>> = []
  /** What every write fails with. */
  fault: Error | undefined
  /** What every read fails with. */
  readFault: Error | undefined

  constructor(ms = 0) {
    this.ms = ms
  }

  /** How many writes have been begun. */
  writes = 0
  /** How many of them are not done. */
  pending = 0

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
    return this.#read(() => this.#memory.find(token))
  }

  all(): Awaitable<Map<string, Uint8Array>> {
    return this.#read(() => this.#memory.all())
  }

  findWithExpiry(ctx: Context, token: string) {
    return this.#read(() => this.#memory.findWithExpiry(ctx, token))
  }

  commit(token: string, data: Uint8Array, expiry: Date): Awaitable<void> {
    return this.#write(() => this.#memory.commit(token, data, expiry))
  }

  delete(token: string): Awaitable<void> {
    return this.#write(() => this.#memory.delete(token))
  }

  touch(...[, ...args]: Parameters<AtomicStore['touch']>): Awaitable<boolean> {
    return this.#write(() => this.#memory.touch(background(), ...args))
  }

  swap(...[, ...args]: Parameters<AtomicStore['swap']>): Awaitable<boolean> {
    return this.#write(() => this.#memory.swap(background(), ...args))
  }

  #read<T>(act: () => T): Awaitable<T> {
    return this.#answer(() => {
      if (this.readFault) throw this.readFault
      return act()
    })
  }

  #write<T>(act: () => T): Awaitable<T> {
    this.writes++
    this.pending++
    const held = this.#holds.shift()?.()
    const write = () => {
      this.pending--
      if (this.fault) throw this.fault
      return act()
    }
    return held ? held.then(() => this.#answer(write)) : this.#answer(write)
  }

  #answer<T>(act: () => T): Awaitable<T> {
    return this.ms === 0 ? act() : delay(this.ms).then(act)
  }
}
