import { setImmediate as turn } from 'node:timers/promises'
import {
  type AtomicStore,
  background,
  type Context,
  MemoryStore,
  type Store,
} from '../../src/index.ts'

export type StoreCall = 'find' | 'commit' | 'delete' | keyof AtomicStore

/** A plain store that records its calls and can be made to fail; `slow` ones answer some turns later. */
export class RecordingStore implements Store {
  readonly memory = new MemoryStore({ cleanupInterval: 0 })
  readonly calls: string[] = []
  readonly failing = new Map<StoreCall, Error>()
  readonly #turns: number

  constructor(turns = 0) {
    this.#turns = turns
  }

  find(token: string): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    return this.answer('find', () => this.memory.find(token))
  }

  commit(token: string, data: Uint8Array, expiry: Date): void | Promise<void> {
    return this.answer('commit', () => this.memory.commit(token, data, expiry))
  }

  delete(token: string): void | Promise<void> {
    return this.answer('delete', () => this.memory.delete(token))
  }

  get size(): number {
    return this.memory.all().size
  }

  protected answer<T>(call: StoreCall, act: () => T): T | Promise<T> {
    this.calls.push(call)
    const answer = () => {
      const error = this.failing.get(call)
      if (error) throw error
      return act()
    }
    return this.#turns === 0 ? answer() : this.#later(answer)
  }

  async #later<T>(answer: () => T): Promise<T> {
    for (let i = 0; i < this.#turns; i++) await turn()
    return answer()
  }
}

type When = 'before' | 'after' | 'late'

/** {@link RecordingStore} with atomic methods, whose writes can be made to fail after they were done, or before. */
export class RecordingAtomicStore extends RecordingStore implements AtomicStore {
  /** Does what failed late. */
  land: () => void = () => {}
  readonly #faults: { readonly when: When; readonly error: Error }[] = []

  /** Makes a write fail: the next one, or the one after those that are to fail already. */
  fault(when: When, error: Error = new Error('connection lost')): void {
    this.#faults.push({ when, error })
  }

  override commit(token: string, data: Uint8Array, expiry: Date): void | Promise<void> {
    return this.#write('commit', () => this.memory.commit(token, data, expiry))
  }

  findWithExpiry(ctx: Context, token: string) {
    return this.answer('findWithExpiry', () => this.memory.findWithExpiry(ctx, token))
  }

  touch(...[, token, expiry]: Parameters<AtomicStore['touch']>) {
    return this.#write('touch', () => this.memory.touch(background(), token, expiry))
  }

  swap(...[, swap]: Parameters<AtomicStore['swap']>) {
    return this.#write('swap', () => this.memory.swap(background(), swap))
  }

  #write<T>(call: StoreCall, act: () => T): T | Promise<T> {
    return this.answer(call, () => {
      const fault = this.#faults.shift()
      if (fault?.when === 'late') this.land = act
      if (fault && fault.when !== 'after') throw fault.error
      const done = act()
      if (fault) throw fault.error
      return done
    })
  }
}
