import { type Awaitable, andThen, isThenable } from './awaitable.ts'
import { checkSwap } from './check-swap.ts'
import { type Context, withoutSignal } from './context.ts'
import { kindOf } from './kind-of.ts'
import type { AtomicStore, CtxStore, SessionStore } from './store.ts'

const atomicMethods = ['findWithExpiry', 'touch', 'swap'] as const

/**
 * One store, whatever interfaces it has: each operation is chosen once, here. Writes get a context without the
 * client's signal.
 */
export class StoreAccess {
  /** As `findCtx` of {@link CtxStore}. */
  readonly find: (ctx: Context, token: string) => Awaitable<Uint8Array | undefined>
  /** As `commitCtx` of {@link CtxStore}. */
  readonly commit: (
    ctx: Context,
    token: string,
    data: Uint8Array,
    expiry: Date,
  ) => Awaitable<unknown>
  /** As `deleteCtx` of {@link CtxStore}. */
  readonly delete: (ctx: Context, token: string) => Awaitable<unknown>
  /** The store's atomic methods, where it has them. `swap` throws a TypeError when two of its rows have one token. */
  readonly atomic: Required<AtomicStore> | undefined
  /** Every session of the store, in pages where it can; `undefined` when it cannot list them. */
  readonly sessions:
    | ((
        ctx: Context,
      ) =>
        | AsyncIterable<readonly [string, Uint8Array]>
        | Awaitable<Iterable<readonly [string, Uint8Array]>>)
    | undefined

  /** Throws a TypeError that names what the store lacks. */
  constructor(store: SessionStore) {
    if (typeof store !== 'object' || store === null) {
      const cure = typeof store === 'function' ? ': call it, with new if it is a class' : ''
      throw new TypeError(`store must be an object; it is ${kindOf(store)}${cure}`)
    }
    if (isThenable(store)) throw new TypeError('store is a promise: await it first')
    this.find = findOf(store)
    this.commit = commitOf(store)
    this.delete = deleteOf(store)
    this.atomic = atomicOf(store)
    this.sessions = sessionsOf(store)
  }

  /** Deletes one row after another. */
  deleteAll(ctx: Context, tokens: readonly string[], from = 0): Awaitable<void> {
    const token = tokens[from]
    if (token === undefined) return
    return andThen(this.delete(ctx, token), () => this.deleteAll(ctx, tokens, from + 1))
  }
}

function findOf(store: SessionStore): StoreAccess['find'] {
  if (has(store, 'findCtx')) return (ctx, token) => store.findCtx(ctx, token)
  if (has(store, 'find')) return (_ctx, token) => store.find(token)
  throw lacking('find')
}

function commitOf(store: SessionStore): StoreAccess['commit'] {
  if (has(store, 'commitCtx')) {
    return (ctx, token, data, expiry) => store.commitCtx(withoutSignal(ctx), token, data, expiry)
  }
  if (has(store, 'commit')) {
    return (_ctx, token, data, expiry) => store.commit(token, data, expiry)
  }
  throw lacking('commit')
}

function deleteOf(store: SessionStore): StoreAccess['delete'] {
  if (has(store, 'deleteCtx')) return (ctx, token) => store.deleteCtx(withoutSignal(ctx), token)
  if (has(store, 'delete')) return (_ctx, token) => store.delete(token)
  throw lacking('delete')
}

function atomicOf(store: SessionStore): StoreAccess['atomic'] {
  const missing = atomicMethods.filter((method) => !has(store, method))
  if (missing.length === atomicMethods.length) return undefined
  if (missing.length > 0) {
    throw new TypeError(
      `store has only some of the atomic methods; ${missing.join(', ')} missing: all three or none`,
    )
  }
  const whole = store as AtomicStore
  return {
    findWithExpiry: (ctx, token) => whole.findWithExpiry(ctx, token),
    touch: (ctx, token, expiry) => whole.touch(withoutSignal(ctx), token, expiry),
    swap(ctx, swap) {
      checkSwap(swap)
      return whole.swap(withoutSignal(ctx), swap)
    },
  }
}

function sessionsOf(store: SessionStore): StoreAccess['sessions'] {
  if (has(store, 'scan')) return (ctx) => store.scan(ctx)
  if (has(store, 'allCtx')) return (ctx) => store.allCtx(ctx)
  if (has(store, 'all')) return () => store.all()
  return undefined
}

function has<K extends keyof SessionStore>(
  store: SessionStore,
  method: K,
): store is SessionStore & { [P in K]-?: NonNullable<SessionStore[P]> } {
  return typeof store[method] === 'function'
}

function lacking(method: string): TypeError {
  return new TypeError(`store has neither a method ${method} nor ${method}Ctx`)
}
