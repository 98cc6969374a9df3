import { strict as assert } from 'node:assert'
import { randomBytes } from 'node:crypto'
import { type AtomicStore, background, type SessionStore, type Swap } from '@scs/core'
import { inChunks } from './at-once.ts'
import { isAtomic, type StoreExtras, type StoreTarget } from './target.ts'

/**
 * Which of two variants of a method a case uses where the store has both: as the session manager,
 * or the other.
 */
export type Face = 'ctx first' | 'plain first'

/**
 * A store as the cases see it: one set of methods, whichever variants it has, all of them
 * asynchronous. It remembers the tokens that it gave out, so that a case leaves nothing behind in a
 * shared store.
 */
export class Subject {
  readonly store: SessionStore
  /** As of {@link StoreTarget}. */
  readonly absorbsInSteps: boolean
  readonly #extras: StoreExtras | undefined
  readonly #ctxFirst: boolean
  readonly #tokens: string[] = []

  constructor(target: StoreTarget, face: Face) {
    this.store = target.store
    this.absorbsInSteps = target.absorbsInSteps ?? false
    this.#extras = target.extras
    this.#ctxFirst = face === 'ctx first'
  }

  /** A token that no store has seen: 43 characters. */
  token(): string {
    return this.remember(randomBytes(32).toString('base64url'))
  }

  /** Has `token` deleted when the case is over. */
  remember(token: string): string {
    this.#tokens.push(token)
    return token
  }

  async find(token: string): Promise<Uint8Array | undefined> {
    const { store } = this
    if (store.findCtx && (this.#ctxFirst || !store.find)) return store.findCtx(background(), token)
    return store.find ? store.find(token) : absent('find')
  }

  async commit(token: string, data: Uint8Array, expiry: Date): Promise<void> {
    const { store } = this
    if (store.commitCtx && (this.#ctxFirst || !store.commit)) {
      await store.commitCtx(background(), token, data, expiry)
    } else await (store.commit ? store.commit(token, data, expiry) : absent('commit'))
  }

  async delete(token: string): Promise<void> {
    const { store } = this
    if (store.deleteCtx && (this.#ctxFirst || !store.delete)) {
      await store.deleteCtx(background(), token)
    } else await (store.delete ? store.delete(token) : absent('delete'))
  }

  async all(): Promise<Map<string, Uint8Array>> {
    const { store } = this
    if (store.allCtx && (this.#ctxFirst || !store.all)) return store.allCtx(background())
    return store.all ? store.all() : absent('all')
  }

  async findWithExpiry(token: string): Promise<{ data: Uint8Array; expiry: Date } | undefined> {
    return this.#atomic().findWithExpiry(background(), token)
  }

  async touch(token: string, expiry: Date): Promise<boolean> {
    return this.#atomic().touch(background(), token, expiry)
  }

  async swap(swap: Swap): Promise<boolean> {
    return this.#atomic().swap(background(), swap)
  }

  scan(): AsyncIterable<readonly [token: string, data: Uint8Array]> {
    return this.store.scan?.(background()) ?? absent('scan')
  }

  get extras(): StoreExtras {
    return this.#extras ?? absent('extras')
  }

  /**
   * Deletes what the case has left. A delete that fails is the business of the cases about delete.
   */
  async cleanUp(): Promise<void> {
    await inChunks(this.#tokens, (token) => this.delete(token).catch(() => {}))
  }

  #atomic(): AtomicStore {
    return isAtomic(this.store) ? this.store : absent('AtomicStore')
  }
}

function absent(what: string): never {
  assert.fail(`the store has no ${what}`)
}
