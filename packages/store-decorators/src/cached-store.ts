import {
  type AtomicStore,
  type Awaitable,
  type Context,
  type CtxStore,
  checkOptions,
  type OptionNames,
  ResolvedStore,
  type ScannableStore,
  type SessionStore,
  type Swap,
} from '@scs/core'
import { LRUCache } from 'lru-cache'

/** Options of {@link cachedStore}. */
export interface CachedStoreOptions {
  /**
   * For how many milliseconds a session may be read from memory after it was read from the store:
   * for so long a logout or a change in another process may go unseen in this one. A whole number,
   * 1 or more.
   */
  maxAge: number
  /**
   * How many sessions are in memory at most; those that were not used for longest go first. Room
   * for them is set aside at once, so 1,000,000 (some 40 MB) is the most. @default 10_000
   */
  maxEntries?: number | undefined
  /** How many bytes of session data are in memory at most. @default 67_108_864 (64 MB) */
  maxBytes?: number | undefined
}

const optionNames: OptionNames<CachedStoreOptions> = {
  maxAge: true,
  maxEntries: true,
  maxBytes: true,
}

const hints = { ttl: 'did you mean maxAge?', max: 'did you mean maxEntries?' }

const mostEntries = 1_000_000

interface Row {
  readonly data: Uint8Array
  readonly expiry: Date
}

/**
 * A store with a cache before it, in the memory of this process. A session that was read less than
 * `maxAge` ago is read from there. A session that is not in the store is looked for each time.
 *
 * - A write goes to the store and takes the session out of the cache, whatever the store answers.
 *   What this process has written, or was refused, is never read from the cache afterwards.
 * - **A write of another process is seen after `maxAge` at the latest.** So is a logout: until
 *   then, this process reads the session that was destroyed. It cannot write to it, because a write
 *   is compared with the store's row.
 * - The store must have the atomic methods. Without them, a session from the cache would be written
 *   over a later one, or over none.
 * - It has `scan` when the store has `scan`, `allCtx` or `all`. It then iterates over the store,
 *   past the cache.
 * - Managers that share sessions in one process must share the cache.
 *
 * Throws a TypeError when the store has no atomic methods, and for an invalid option.
 */
export function cachedStore(
  store: SessionStore & AtomicStore,
  options: CachedStoreOptions,
): CtxStore & AtomicStore & Partial<ScannableStore> {
  return new CachedStore(store, options)
}

class CachedStore implements CtxStore, AtomicStore {
  readonly scan?: ScannableStore['scan']
  readonly #store: ResolvedStore
  readonly #atomic: AtomicStore
  readonly #rows: LRUCache<string, Row>
  /**
   * Of each token, the read in progress that may put a row into the cache: the last one begun, if
   * no write has ended since.
   */
  readonly #reads = new Map<string, symbol>()

  constructor(store: SessionStore & AtomicStore, options: CachedStoreOptions) {
    const access = new ResolvedStore(store)
    checkOptions('cachedStore', options, optionNames, hints)
    const { atomic, sessions } = access
    if (!atomic)
      throw new TypeError(
        'store has none of the atomic methods, without which a cache loses changes',
      )
    this.#store = access
    this.#atomic = atomic
    this.#rows = new LRUCache({
      ttl: checkedCount('maxAge', options.maxAge),
      ttlResolution: 0,
      max: checkedCount('maxEntries', options.maxEntries ?? 10_000, mostEntries),
      maxSize: checkedCount('maxBytes', options.maxBytes ?? 64 * 1024 * 1024),
      sizeCalculation: ({ data }, token) => token.length + data.length,
    })
    if (sessions) {
      this.scan = async function* (ctx) {
        yield* await sessions(ctx)
      }
    }
  }

  findCtx(ctx: Context, token: string): Awaitable<Uint8Array | undefined> {
    return this.#cached(token)?.data ?? this.#read(ctx, token).then((row) => row?.data)
  }

  findWithExpiry(ctx: Context, token: string): Awaitable<Row | undefined> {
    return this.#cached(token) ?? this.#read(ctx, token)
  }

  commitCtx(ctx: Context, token: string, data: Uint8Array, expiry: Date): Promise<unknown> {
    return this.#write([token], () => this.#store.commit(ctx, token, data, expiry))
  }

  deleteCtx(ctx: Context, token: string): Promise<unknown> {
    return this.#write([token], () => this.#store.delete(ctx, token))
  }

  touch(ctx: Context, token: string, expiry: Date): Promise<boolean> {
    return this.#write([token], () => this.#atomic.touch(ctx, token, expiry))
  }

  swap(ctx: Context, swap: Swap): Promise<boolean> {
    const { from, to, absorbed } = swap
    const tokens = [to.token, ...absorbed.map(({ token }) => token)]
    if (from) tokens.push(from.token)
    return this.#write(tokens, () => this.#atomic.swap(ctx, swap))
  }

  #cached(token: string): Row | undefined {
    const row = this.#rows.get(token)
    return row && row.expiry.getTime() > Date.now() ? copyOf(row) : undefined
  }

  async #read(ctx: Context, token: string): Promise<Row | undefined> {
    // The age counts from here: what is written after it may be missing in the answer.
    const start = performance.now()
    const read = Symbol()
    this.#reads.set(token, read)
    try {
      const row = await this.#atomic.findWithExpiry(ctx, token)
      if (row && this.#reads.get(token) === read) this.#rows.set(token, copyOf(row), { start })
      return row
    } finally {
      if (this.#reads.get(token) === read) this.#reads.delete(token)
    }
  }

  // Also when it was refused or has failed: the row is not what the cache has, or may not be.
  async #write<T>(tokens: readonly string[], write: () => Awaitable<T>): Promise<T> {
    try {
      return await write()
    } finally {
      for (const token of tokens) {
        this.#rows.delete(token)
        this.#reads.delete(token)
      }
    }
  }
}

// Neither what a caller does to its bytes, nor the memory around a driver's, is the cache's.
function copyOf({ data, expiry }: Row): Row {
  return { data: new Uint8Array(data), expiry: new Date(expiry) }
}

function checkedCount(option: string, value: unknown, most = Number.MAX_SAFE_INTEGER): number {
  const isCount = typeof value === 'number' && Number.isSafeInteger(value)
  if (isCount && value > 0 && value <= most) return value
  const given = typeof value === 'number' ? value : `of type ${typeof value}`
  const range = most < Number.MAX_SAFE_INTEGER ? `from 1 to ${most}` : '1 or more'
  throw new TypeError(`${option} must be a whole number, ${range}; it is ${given}`)
}
