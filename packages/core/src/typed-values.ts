import type { Context } from './context.ts'

/** The keys of a session's values. */
export type Key<V> = keyof V & string

/** The keys under which a `T` may be: those of that type, and those of an unknown one. */
export type KeyOf<V, T> = {
  [K in Key<V>]-?: unknown extends V[K] ? K : Extract<V[K], T> extends never ? never : K
}[Key<V>]

const int32Max = 2 ** 31 - 1
const int32Min = -(2 ** 31)

/**
 * Reading values by type. Nothing is ever coerced: a value of another type counts as absent, and `popX` removes it all
 * the same, as in SCS. Of SCS's numeric types, int, int32 and float64 are `number`s here, int64 is a `bigint`.
 */
export abstract class TypedValues<Values extends object> {
  /** Exists for the type checker alone: methods with a type parameter do not tell `Values` apart. */
  declare readonly '~values'?: Values

  /**
   * The value of `key`, by reference; `undefined` when there is none. A change inside the value is written only when
   * something is `put`.
   */
  abstract get<K extends Key<Values>>(ctx: Context, key: K): Values[K] | undefined

  /** As {@link get}, and removes the key. */
  abstract pop<K extends Key<Values>>(ctx: Context, key: K): Values[K] | undefined

  /** The string under `key`; '' when there is none. */
  getString(ctx: Context, key: KeyOf<Values, string>): string {
    return asString(this.get(ctx, key))
  }

  /** The boolean under `key`; `false` when there is none. */
  getBool(ctx: Context, key: KeyOf<Values, boolean>): boolean {
    return asBool(this.get(ctx, key))
  }

  /** The safe integer under `key`; 0 when there is none. */
  getInt(ctx: Context, key: KeyOf<Values, number>): number {
    return asInt(this.get(ctx, key))
  }

  /** The integer of 32 bits (-2147483648 to 2147483647) under `key`; 0 when there is none. */
  getInt32(ctx: Context, key: KeyOf<Values, number>): number {
    return asInt32(this.get(ctx, key))
  }

  /** The `bigint` under `key`; 0n when there is none. */
  getInt64(ctx: Context, key: KeyOf<Values, bigint>): bigint {
    return asInt64(this.get(ctx, key))
  }

  /** The number under `key`, whole or not; 0 when there is none. */
  getFloat(ctx: Context, key: KeyOf<Values, number>): number {
    return asFloat(this.get(ctx, key))
  }

  /** The bytes under `key`, by reference; `undefined` when there are none. */
  getBytes(ctx: Context, key: KeyOf<Values, Uint8Array>): Uint8Array | undefined {
    return asBytes(this.get(ctx, key))
  }

  /** The Date under `key`, by reference; `undefined` when there is none. */
  getTime(ctx: Context, key: KeyOf<Values, Date>): Date | undefined {
    return asTime(this.get(ctx, key))
  }

  /** As {@link getString}, and removes the key. For flash messages. */
  popString(ctx: Context, key: KeyOf<Values, string>): string {
    return asString(this.pop(ctx, key))
  }

  /** As {@link getBool}, and removes the key. */
  popBool(ctx: Context, key: KeyOf<Values, boolean>): boolean {
    return asBool(this.pop(ctx, key))
  }

  /** As {@link getInt}, and removes the key. */
  popInt(ctx: Context, key: KeyOf<Values, number>): number {
    return asInt(this.pop(ctx, key))
  }

  /** As {@link getInt32}, and removes the key. */
  popInt32(ctx: Context, key: KeyOf<Values, number>): number {
    return asInt32(this.pop(ctx, key))
  }

  /** As {@link getInt64}, and removes the key. */
  popInt64(ctx: Context, key: KeyOf<Values, bigint>): bigint {
    return asInt64(this.pop(ctx, key))
  }

  /** As {@link getFloat}, and removes the key. */
  popFloat(ctx: Context, key: KeyOf<Values, number>): number {
    return asFloat(this.pop(ctx, key))
  }

  /** As {@link getBytes}, and removes the key. */
  popBytes(ctx: Context, key: KeyOf<Values, Uint8Array>): Uint8Array | undefined {
    return asBytes(this.pop(ctx, key))
  }

  /** As {@link getTime}, and removes the key. */
  popTime(ctx: Context, key: KeyOf<Values, Date>): Date | undefined {
    return asTime(this.pop(ctx, key))
  }
}

function asString(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function asBool(value: unknown): boolean {
  return value === true
}

function asInt(value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : 0
}

function asInt32(value: unknown): number {
  const int = asInt(value)
  return int >= int32Min && int <= int32Max ? int : 0
}

function asInt64(value: unknown): bigint {
  return typeof value === 'bigint' ? value : 0n
}

function asFloat(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

function asBytes(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}

function asTime(value: unknown): Date | undefined {
  return value instanceof Date ? value : undefined
}
