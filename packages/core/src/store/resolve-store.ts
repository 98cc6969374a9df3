import { type Context, withoutSignal } from '../context.ts'
import { kindOf } from '../util/checks.ts'
import { type Awaitable, andThen, isThenable } from '../util/promises.ts'
import type { AtomicStore, CtxStore, SessionStore, Swap } from './store.ts'

type Entry = readonly [token: string, data: Uint8Array]

/**
 * One store, whatever interfaces it has: each operation is chosen once, here. Writes get a context
 * without the client's signal.
 */
export class ResolvedStore {
  /** As `findCtx` of {@link CtxStore}. */
  readonly find: CtxStore['findCtx']
  /** As `commitCtx` of {@link CtxStore}. */
  readonly commit: CtxStore['commitCtx']
  /** As `deleteCtx` of {@link CtxStore}. */
  readonly delete: CtxStore['deleteCtx']
  /**
   * The store's atomic methods, if it has them. `swap` throws a TypeError when two of its rows have
   * one token.
   */
  readonly atomic: AtomicStore | undefined
  /**
   * Every session of the store, in pages if it can `scan`; `undefined` when it cannot list them.
   */
  readonly sessions:
    | ((ctx: Context) => AsyncIterable<Entry> | Awaitable<Iterable<Entry>>)
    | undefined

  /** Throws a TypeError that names what the store lacks. */
  constructor(store: SessionStore) {
    checkStore(store)
    const every = store as Required<SessionStore>
    this.find = has(store, 'findCtx')
      ? (ctx, token) => every.findCtx(ctx, token)
      : (_ctx, token) => every.find(token)
    this.commit = has(store, 'commitCtx')
      ? (ctx, token, data, expiry) => every.commitCtx(withoutSignal(ctx), token, data, expiry)
      : (_ctx, token, data, expiry) => every.commit(token, data, expiry)
    this.delete = has(store, 'deleteCtx')
      ? (ctx, token) => every.deleteCtx(withoutSignal(ctx), token)
      : (_ctx, token) => every.delete(token)
    if (has(store, 'swap')) this.atomic = resolvedAtomic(store as AtomicStore)
    if (has(store, 'all')) this.sessions = () => every.all()
    if (has(store, 'allCtx')) this.sessions = (ctx) => every.allCtx(ctx)
    if (has(store, 'scan')) this.sessions = (ctx) => every.scan(ctx)
  }

  /** Deletes one row after another. */
  deleteAll(ctx: Context, tokens: readonly string[], from = 0): Awaitable<void> {
    const token = tokens[from]
    if (token === undefined) return
    return andThen(this.delete(ctx, token), () => this.deleteAll(ctx, tokens, from + 1))
  }
}

function checkStore(store: SessionStore): void {
  if (typeof store !== 'object' || store === null) {
    const cure = typeof store === 'function' ? ': call it, with new if it is a class' : ''
    throw new TypeError(`store must be an object; it is ${kindOf(store)}${cure}`)
  }
  if (isThenable(store)) throw new TypeError('store is a promise: await it first')
  for (const method of ['find', 'commit', 'delete'] as const) {
    if (has(store, method) || has(store, `${method}Ctx`)) continue
    throw new TypeError(`store has neither a method ${method} nor ${method}Ctx`)
  }
  const atomicMethods = ['findWithExpiry', 'touch', 'swap'] as const
  const missing = atomicMethods.filter((method) => !has(store, method))
  if (missing.length === 0 || missing.length === atomicMethods.length) return
  throw new TypeError(
    `store has only some of the atomic methods; ${missing.join(', ')} missing: all three or none`,
  )
}

function resolvedAtomic(store: AtomicStore): AtomicStore {
  return {
    findWithExpiry: (ctx, token) => store.findWithExpiry(ctx, token),
    touch: (ctx, token, expiry) => store.touch(withoutSignal(ctx), token, expiry),
    swap(ctx, swap) {
      if (swap.absorbed.length > 0) checkTokens(swap)
      return store.swap(withoutSignal(ctx), swap)
    },
  }
}

// Only `from` and `to` may have the same token.
function checkTokens({ from, to, absorbed }: Swap): void {
  const written = from && from.token !== to.token ? [from, to] : [to]
  const tokens = [...written, ...absorbed].map(({ token }) => token)
  if (new Set(tokens).size === tokens.length) return
  throw new TypeError(
    'swap.absorbed must not repeat a token, nor have the token of swap.from or swap.to',
  )
}

function has(store: SessionStore, method: keyof SessionStore): boolean {
  return typeof store[method] === 'function'
}
