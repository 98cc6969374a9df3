import {
  type AtomicStore,
  background,
  type Context,
  MemoryStore,
  type SessionStore,
  type Store,
} from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import Database from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'

/** A MemoryStore. */
export function memory(): MemoryStore {
  return new MemoryStore({ cleanupInterval: 0 })
}

/** A DrizzleStore on an SQLite database in memory. */
export function sqlite(): Promise<DrizzleStore> {
  return DrizzleStore.create(drizzle({ client: new Database(':memory:') }), { cleanupInterval: 0 })
}

/** Find, commit and delete of `store`, and nothing else. */
export function plain(store: MemoryStore): Store & SessionStore {
  return {
    find: (token) => store.find(token),
    commit: (token, data, expiry) => store.commit(token, data, expiry),
    delete: (token) => store.delete(token),
  }
}

/** What an iteration gives; nothing for a store that has none. */
export async function listed({ scan }: SessionStore): Promise<(readonly [string, Uint8Array])[]> {
  const rows = []
  for await (const row of scan?.(background()) ?? []) rows.push(row)
  return rows
}

type Call = 'findWithExpiry' | 'swap' | 'deleteCtx'

/** A store whose calls can be held back and fail, before or after they are done; counts the reads. */
export class ControlledStore extends MemoryStore {
  /** How often a session was read. */
  reads = 0
  /** What is done before each call. */
  before: (call: Call) => unknown = () => {}
  /** What is done before each answer. */
  after: (call: Call) => unknown = () => {}

  constructor() {
    super({ cleanupInterval: 0 })
  }

  // @ts-expect-error late, where that of MemoryStore is at once
  override async findWithExpiry(ctx: Context, token: string) {
    this.reads++
    return this.#run('findWithExpiry', () => super.findWithExpiry(ctx, token))
  }

  // @ts-expect-error as above
  override async swap(...call: Parameters<AtomicStore['swap']>): Promise<boolean> {
    return this.#run('swap', () => super.swap(...call))
  }

  /** Preferred to `delete`. */
  async deleteCtx(_ctx: Context, token: string): Promise<void> {
    return this.#run('deleteCtx', () => super.delete(token))
  }

  async #run<T>(call: Call, act: () => T): Promise<T> {
    await this.before(call)
    const answer = act()
    await this.after(call)
    return answer
  }
}
