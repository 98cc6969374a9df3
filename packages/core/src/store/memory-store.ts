import type { Context } from '../context.ts'
import { checkedDuration, minute } from '../duration.ts'
import { checkOptions, type OptionNames } from '../util/checks.ts'
import { Turn } from '../util/promises.ts'
import { type Cleanup, startCleanup } from './cleanup.ts'
import type { AtomicStore, IterableStore, ScannableStore, Store, Swap, SwapRow } from './store.ts'

/** Options of {@link MemoryStore}. */
export interface MemoryStoreOptions {
  /**
   * Milliseconds between two removals of expired sessions at most; 0: none. A removal comes sooner
   * when as many sessions have been added as the one before has left, and at least 1,000. @default
   * minute
   */
  cleanupInterval?: number | undefined
}

const optionNames: OptionNames<MemoryStoreOptions> = { cleanupInterval: true }

interface Row {
  /**
   * One character for each byte: a string cannot be changed, and needs no memory outside the heap.
   */
  readonly data: string
  expiry: number
}

// A sweep looks at this many rows before it lets requests through.
const sweepBatch = 1_000
// Fewer new rows than this bring no sweep forward.
const fewRows = 1_000
// V8 copies all entries of a Map at once when it grows or shrinks. See docs/decisions/0016.
const mapCount = 32

/**
 * Keeps sessions in the memory of this process: they are lost when it ends, and other processes do
 * not see them. For tests, development and a single process that may lose its sessions on restart.
 * The counterpart of SCS's `memstore`.
 *
 * Expired sessions are never found; every `cleanupInterval` they are removed, in batches that let
 * requests through. A flood of new sessions brings the next removal forward.
 */
export class MemoryStore implements Store, IterableStore, AtomicStore, ScannableStore {
  readonly #maps = Array.from({ length: mapCount }, () => new Map<string, Row>())
  readonly #cleanup: Cleanup
  /** Rows added since the last sweep began, and how many bring the next one forward. */
  #added = 0
  #enough = fewRows

  /**
   * Throws a TypeError when `cleanupInterval` is negative or not finite, and for any other option.
   */
  constructor(options: MemoryStoreOptions = {}) {
    checkOptions('MemoryStore', options, optionNames)
    const interval = checkedDuration('cleanupInterval', options.cleanupInterval ?? minute)
    this.#cleanup = startCleanup(
      interval,
      () => this.#sweep(),
      () => {},
    )
  }

  find(token: string): Uint8Array | undefined {
    const row = this.#live(token)
    return row && bytesOf(row.data)
  }

  commit(token: string, data: Uint8Array, expiry: Date): void {
    this.#write(token, data, expiry, true)
  }

  delete(token: string): void {
    this.#mapOf(token).delete(token)
  }

  all(): Map<string, Uint8Array> {
    const now = Date.now()
    const live = new Map<string, Uint8Array>()
    for (const [token, row] of this.#entries())
      if (row.expiry > now) live.set(token, bytesOf(row.data))
    return live
  }

  findWithExpiry(_ctx: Context, token: string): { data: Uint8Array; expiry: Date } | undefined {
    const row = this.#live(token)
    return row && { data: bytesOf(row.data), expiry: new Date(row.expiry) }
  }

  touch(_ctx: Context, token: string, expiry: Date): boolean {
    const row = this.#live(token)
    if (row) row.expiry = expiry.getTime()
    return row !== undefined
  }

  swap(_ctx: Context, { from, to, absorbed }: Swap): boolean {
    const moves = from?.token !== to.token
    if (from && !this.#holds(from)) return false
    if (moves && this.#mapOf(to.token).has(to.token)) return false
    // A loop over nothing would cost every write memory.
    if (absorbed.length > 0) {
      if (!absorbed.every((row) => this.#holds(row))) return false
      for (const { token } of absorbed) this.#mapOf(token).delete(token)
    }
    if (from && moves) this.#mapOf(from.token).delete(from.token)
    this.#write(to.token, to.data, to.expiry, from === undefined)
    return true
  }

  async *scan(_ctx: Context): AsyncGenerator<readonly [token: string, data: Uint8Array], void> {
    const turn = new Turn()
    for (const [token, row] of this.#entries()) {
      if (row.expiry > Date.now()) yield [token, bytesOf(row.data)]
      if (turn.isOver) await turn.next()
    }
  }

  /** Ends the cleanup loop and waits for a run in progress; idempotent. The sessions stay. */
  stopCleanup(): Promise<void> {
    return this.#cleanup.stop()
  }

  /** As {@link MemoryStore.stopCleanup}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stopCleanup()
  }

  #write(token: string, data: Uint8Array, expiry: Date, isNew: boolean): void {
    this.#mapOf(token).set(token, { data: textOf(data), expiry: expiry.getTime() })
    if (isNew && ++this.#added >= this.#enough) this.#cleanup.within(0)
  }

  #live(token: string): Row | undefined {
    const row = this.#mapOf(token).get(token)
    return row && row.expiry > Date.now() ? row : undefined
  }

  #holds({ token, data }: SwapRow): boolean {
    return this.#live(token)?.data === textOf(data)
  }

  // Tokens are random, so any character will do. A shorter token than the manager's is in the first
  // Map.
  #mapOf(token: string): Map<string, Row> {
    return this.#maps[token.charCodeAt(8) & (mapCount - 1)] as Map<string, Row>
  }

  /** In no order. May include what is set or deleted meanwhile. */
  *#entries(): Generator<readonly [token: string, row: Row], void> {
    for (const map of this.#maps) yield* map
  }

  // A sweep looks at every row. It comes after as many new rows as the last one left, so that each
  // new row costs two looks at most.
  async #sweep(): Promise<void> {
    this.#added = 0
    let seen = 0
    let left = 0
    for (const [token, row] of this.#entries()) {
      if (row.expiry <= Date.now()) this.#mapOf(token).delete(token)
      else left++
      if (++seen % sweepBatch === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    this.#enough = Math.max(left, fewRows)
  }
}

function textOf(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1')
}

function bytesOf(text: string): Uint8Array {
  const { buffer, byteOffset, length } = Buffer.from(text, 'latin1')
  return new Uint8Array(buffer, byteOffset, length)
}
