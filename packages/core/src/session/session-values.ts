/**
 * What the `Values` of a session manager may be: an object type whose properties can be stored.
 * Functions, symbols and promises cannot, nor can what holds one of them: class instances have
 * methods. The compiler says so at the property. For a generic class or function:
 * `<V extends SessionValues<V>>`.
 */
export type SessionValues<Values> = object & { [K in keyof Values]: Storable<Values[K]> }

/** `T` where it can be stored; where not, what `T` is not assignable to. */
type Storable<T> = unknown extends T ? T : T extends Atom | Unstorable ? StorableAtom<T> : Parts<T>

type Atom = string | number | bigint | boolean | null | undefined | Date | Uint8Array
// biome-ignore lint/complexity/noBannedTypes: whatever can be called or constructed
type Unstorable = Function | symbol | PromiseLike<unknown>

type StorableAtom<T> = T extends Atom
  ? T
  : T extends symbol
    ? 'a symbol cannot be stored in a session'
    : T extends PromiseLike<unknown>
      ? 'a promise cannot be stored in a session: await it'
      : 'a function cannot be stored in a session'

// Arrays by their elements: a mapped type would look into a recursive one without end.
type Parts<T> =
  T extends ReadonlyMap<infer K, infer V>
    ? ReadonlyMap<Storable<K>, Storable<V>>
    : T extends ReadonlySet<infer M>
      ? ReadonlySet<Storable<M>>
      : T extends readonly (infer E)[]
        ? readonly Storable<E>[]
        : { [K in keyof T]: Storable<T[K]> }
