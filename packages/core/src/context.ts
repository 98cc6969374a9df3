import { checkCarrier, checkContext } from './util/checks.ts'

declare const type: unique symbol

/** The name under which a {@link Context} carries one value. `T` is the type of that value. */
export interface ContextKey<T> {
  /** Shown by debuggers; two keys of one description are still two keys. */
  readonly description: string
  /** For the type checker only. */
  readonly [type]: (value: T) => T
}

/**
 * An immutable chain of values and an abort signal, passed explicitly, as Go's `context.Context`
 * is. Session managers keep the session of a request in it; a store may read values and the signal
 * from it.
 */
export interface Context {
  /**
   * Aborted when the client disconnects; `undefined` without a client, and in every write to a
   * store.
   */
  readonly signal: AbortSignal | undefined
  /** The value of `key`, or `undefined` when neither this context nor an ancestor has one. */
  value<T>(key: ContextKey<T>): T | undefined
}

const root: Context = { signal: undefined, value: () => undefined }
const bound: unique symbol = Symbol.for('scs.context')
const signalKey = contextKey<AbortSignal | undefined>('signal')

/** One value over a parent. The signal is the value of `signalKey`, or the parent's. */
class Link<T> implements Context {
  readonly #parent: Context
  readonly #key: ContextKey<T>
  readonly #value: T

  constructor(parent: Context, key: ContextKey<T>, value: T) {
    this.#parent = parent
    this.#key = key
    this.#value = value
  }

  get signal(): AbortSignal | undefined {
    return this.#hasSignal ? (this.#value as AbortSignal | undefined) : this.#parent.signal
  }

  /** Whether it is known that there is no signal: reading the parent's may create one. */
  get isWithoutSignal(): boolean {
    return this.#hasSignal && this.#value === undefined
  }

  get #hasSignal(): boolean {
    return (this.#key as unknown) === signalKey
  }

  value<U>(key: ContextKey<U>): U | undefined {
    return (this.#key as unknown) === key ? (this.#value as unknown as U) : this.#parent.value(key)
  }
}

/**
 * The empty context: no value, no signal. The start of every chain, as Go's `context.Background()`.
 */
export function background(): Context {
  return root
}

/** A new key; each call makes another, whatever its description. Keep it in a module constant. */
export function contextKey<T>(description: string): ContextKey<T> {
  return { description } as ContextKey<T>
}

/**
 * A context that has `value` under `key` and everything else from `parent`, which stays as it is.
 */
export function withValue<T>(parent: Context, key: ContextKey<T>, value: NoInfer<T>): Context {
  checkContext('withValue', parent)
  return new Link(parent, key, value)
}

/**
 * A context whose signal is aborted when `signal` or the parent's is; its values are the parent's.
 */
export function withSignal(parent: Context, signal: AbortSignal): Context {
  checkContext('withSignal', parent)
  const inherited = parent.signal
  const both = inherited === undefined ? signal : AbortSignal.any([inherited, signal])
  return new Link(parent, signalKey, both)
}

/** The same values without the signal: a client that disconnects must not cancel a write. */
export function withoutSignal(parent: Context): Context {
  const hasNone = parent === root || (parent instanceof Link && parent.isWithoutSignal)
  return hasNone ? parent : new Link(parent, signalKey, undefined)
}

/**
 * The context bound to `carrier`, as `r.Context()` in Go: a Node request, or whatever a framework's
 * handler is given. Without one, {@link background}: methods of a session manager then throw
 * `ERR_SESSION_NOT_LOADED`. Throws a TypeError when `carrier` is not an object.
 */
export function contextOf(carrier: object): Context {
  checkCarrier('contextOf', carrier)
  return (carrier as { [bound]?: Context })[bound] ?? root
}

/**
 * Binds `ctx` to `carrier` for {@link contextOf}, as `r.WithContext()` in Go: for adapters and
 * middleware. A second call replaces the first. Throws a TypeError for a carrier that cannot be
 * extended, and when `ctx` is not a context.
 */
export function bindContext(carrier: object, ctx: Context): void {
  checkCarrier('bindContext', carrier)
  checkContext('bindContext', ctx)
  ;(carrier as { [bound]?: Context })[bound] = ctx
}
