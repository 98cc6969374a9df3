import { setImmediate as turn } from 'node:timers/promises'
import type { Store } from '../../src/index.ts'
import { MemoryStore } from '../../src/index.ts'

export type StoreCall = 'find' | 'commit' | 'delete'

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
    return this.#answer('find', () => this.memory.find(token))
  }

  commit(token: string, data: Uint8Array, expiry: Date): void | Promise<void> {
    return this.#answer('commit', () => this.memory.commit(token, data, expiry))
  }

  delete(token: string): void | Promise<void> {
    return this.#answer('delete', () => this.memory.delete(token))
  }

  get size(): number {
    return this.memory.all().size
  }

  #answer<T>(call: StoreCall, act: () => T): T | Promise<T> {
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
