import type { Context } from './context.ts'

/** The keys of a session's values. */
export type Key<V> = keyof V & string

/** The keys under which a `T` may be: those of that type, and those of an unknown one. */
export type KeyOf<V, T> = {
  [K in Key<V>]-?: unknown extends V[K] ? K : Extract<V[K], T> extends never ? never : K
}[Key<V>]

export interface TypedValues<Values extends object> {
  /** The string under `key`; '' when there is none. */
  getString(ctx: Context, key: KeyOf<Values, string>): string
  /** The boolean under `key`; `false` when there is none. */
  getBool(ctx: Context, key: KeyOf<Values, boolean>): boolean
  /** The safe integer under `key`; 0 when there is none. */
  getInt(ctx: Context, key: KeyOf<Values, number>): number
  /** The integer of 32 bits (-2147483648 to 2147483647) under `key`; 0 when there is none. */
  getInt32(ctx: Context, key: KeyOf<Values, number>): number
  /** The `bigint` under `key`; 0n when there is none. */
  getInt64(ctx: Context, key: KeyOf<Values, bigint>): bigint
  /** The number under `key`, whole or not; 0 when there is none. */
  getFloat(ctx: Context, key: KeyOf<Values, number>): number
  /** The bytes under `key`, by reference; `undefined` when there are none. */
  getBytes(ctx: Context, key: KeyOf<Values, Uint8Array>): Uint8Array | undefined
  /** The Date under `key`, by reference; `undefined` when there is none. */
  getTime(ctx: Context, key: KeyOf<Values, Date>): Date | undefined
  /** As {@link getString}, and removes the key. For flash messages. */
  popString(ctx: Context, key: KeyOf<Values, string>): string
  /** As {@link getBool}, and removes the key. */
  popBool(ctx: Context, key: KeyOf<Values, boolean>): boolean
  /** As {@link getInt}, and removes the key. */
  popInt(ctx: Context, key: KeyOf<Values, number>): number
  /** As {@link getInt32}, and removes the key. */
  popInt32(ctx: Context, key: KeyOf<Values, number>): number
  /** As {@link getInt64}, and removes the key. */
  popInt64(ctx: Context, key: KeyOf<Values, bigint>): bigint
  /** As {@link getFloat}, and removes the key. */
  popFloat(ctx: Context, key: KeyOf<Values, number>): number
  /** As {@link getBytes}, and removes the key. */
  popBytes(ctx: Context, key: KeyOf<Values, Uint8Array>): Uint8Array | undefined
  /** As {@link getTime}, and removes the key. */
  popTime(ctx: Context, key: KeyOf<Values, Date>): Date | undefined
}

/**
 * Reading values by type. Nothing is ever coerced: a value of another type counts as absent, and
 * `popX` removes it too, as in SCS. Of SCS's numeric types, int, int32 and float64 are `number`s
 * here, int64 is a `bigint`.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the methods are made from `types`
export abstract class TypedValues<Values extends object> {
  /** For the type checker only: methods with a type parameter do not tell `Values` apart. */
  declare readonly '~values'?: Values

  /**
   * The value of `key`, by reference; `undefined` when there is none. A change inside the value is
   * written only when something is `put`.
   */
  abstract get<K extends Key<Values>>(ctx: Context, key: K): Values[K] | undefined

  /** As {@link get}, and removes the key. */
  abstract pop<K extends Key<Values>>(ctx: Context, key: K): Values[K] | undefined
}

const isInt32 = (value: unknown) => typeof value === 'number' && (value | 0) === value

/**
 * By the end of a method's name: whether a value is of its type, and what the method gives in place
 * of another.
 */
const types: Readonly<Record<string, readonly [is: (value: unknown) => boolean, absent: unknown]>> =
  {
    String: [(value) => typeof value === 'string', ''],
    Bool: [(value) => typeof value === 'boolean', false],
    Int: [Number.isSafeInteger, 0],
    Int32: [isInt32, 0],
    Int64: [(value) => typeof value === 'bigint', 0n],
    Float: [(value) => typeof value === 'number', 0],
    Bytes: [(value) => value instanceof Uint8Array, undefined],
    Time: [(value) => value instanceof Date, undefined],
  }

for (const [name, [is, absent]] of Object.entries(types)) {
  for (const method of ['get', 'pop'] as const) {
    const value = function (this: TypedValues<Record<string, unknown>>, ctx: Context, key: string) {
      const found = this[method](ctx, key)
      return is(found) ? found : absent
    }
    Object.defineProperty(TypedValues.prototype, method + name, {
      value,
      configurable: true,
      writable: true,
    })
  }
}
