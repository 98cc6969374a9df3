import { checkContext } from './check-arguments.ts'
import { kindOf } from './kind-of.ts'

declare const type: unique symbol

/** The name under which a {@link Context} carries one value. `T` is the type of that value. */
export interface ContextKey<T> {
  /** Shown by debuggers; two keys of one description are still two keys. */
  readonly description: string
  /** Exists for the type checker alone. */
  readonly [type]: (value: T) => T
}

/**
 * An immutable chain of values and an abort signal, passed explicitly, as Go's `context.Context` is. Session
 * managers keep the session of a request in it; a store may read values and the signal from it.
 */
export interface Context {
  /** Aborted when the client has gone; `undefined` where there is no client, and in every write to a store. */
  readonly signal: AbortSignal | undefined
  /** The value of `key`, or `undefined` when neither this context nor an ancestor has one. */
  value<T>(key: ContextKey<T>): T | undefined
}

class Background implements Context {
  readonly signal: AbortSignal | undefined = undefined

  value(): undefined {
    return undefined
  }
}

class ValueContext implements Context {
  readonly #parent: Context
  readonly #key: ContextKey<unknown>
  readonly #value: unknown

  constructor(parent: Context, key: ContextKey<unknown>, value: unknown) {
    this.#parent = parent
    this.#key = key
    this.#value = value
  }

  get signal(): AbortSignal | undefined {
    return this.#parent.signal
  }

  value<T>(key: ContextKey<T>): T | undefined {
    return (this.#key as unknown) === key ? (this.#value as T) : this.#parent.value(key)
  }
}

class SignalContext implements Context {
  readonly #parent: Context
  readonly signal: AbortSignal | undefined

  constructor(parent: Context, signal: AbortSignal | undefined) {
    this.#parent = parent
    this.signal = signal
  }

  value<T>(key: ContextKey<T>): T | undefined {
    return this.#parent.value(key)
  }
}

const root: Context = new Background()
const bound: unique symbol = Symbol.for('scs.context')

/** The empty context: no value, no signal. The start of every chain, as Go's `context.Background()`. */
export function background(): Context {
  return root
}

/** A new key; each call makes another, whatever its description. Keep it in a module constant. */
export function contextKey<T>(description: string): ContextKey<T> {
  return { description } as ContextKey<T>
}

/** A context that has `value` under `key` and everything else from `parent`, which stays as it is. */
export function withValue<T>(parent: Context, key: ContextKey<T>, value: NoInfer<T>): Context {
  checkContext('withValue', parent)
  return new ValueContext(parent, key as unknown as ContextKey<unknown>, value)
}

/** A context whose signal is aborted when `signal` or the parent's is; its values are the parent's. */
export function withSignal(parent: Context, signal: AbortSignal): Context {
  checkContext('withSignal', parent)
  const inherited = parent.signal
  return new SignalContext(
    parent,
    inherited === undefined ? signal : AbortSignal.any([inherited, signal]),
  )
}

/** The same values without the signal: a client that goes away must not cancel a write. */
export function withoutSignal(parent: Context): Context {
  const hasNone = parent === root || (parent instanceof SignalContext && !parent.signal)
  return hasNone ? parent : new SignalContext(parent, undefined)
}

/**
 * The context bound to `carrier`, as `r.Context()` in Go: a Node request, or whatever a framework's handler is given.
 * Without one, {@link background}: methods of a session manager then throw `ERR_SESSION_NOT_LOADED`. Throws a TypeError for
 * what is no object.
 */
export function contextOf(carrier: object): Context {
  checkCarrier('contextOf', carrier)
  return (carrier as { [bound]?: Context })[bound] ?? root
}

/**
 * Binds `ctx` to `carrier` for {@link contextOf}, as `r.WithContext()` in Go: for adapters and middleware. A second
 * call replaces the first. Throws a TypeError for a carrier that cannot be extended, and for what is no context.
 */
export function bindContext(carrier: object, ctx: Context): void {
  checkCarrier('bindContext', carrier)
  checkContext('bindContext', ctx)
  ;(carrier as { [bound]?: Context })[bound] = ctx
}

function checkCarrier(method: string, carrier: unknown): void {
  if ((typeof carrier === 'object' && carrier !== null) || typeof carrier === 'function') return
  throw new TypeError(
    `${method} takes a request, or what the framework gives to a handler, and was given ${kindOf(carrier)}`,
  )
}
