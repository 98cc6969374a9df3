/**
 * Turns a session into bytes and back. The deadline is part of the data: the session ends at it.
 * The store's expiry is only the time when the row may be deleted.
 *
 * `decode(encode(deadline, values))` gives back an equal deadline and equal values, every key of
 * them: `__rememberMe` (a boolean) and `__write` (a string) belong to the session manager, and the
 * guarantees for concurrent requests depend on them. Both are synchronous and keep no reference to
 * what they are given.
 */
export interface Codec {
  /**
   * Throws a TypeError that names the key when a value cannot be encoded; nothing is written then.
   * `origin` is what `decode` returned for the row that is written over, when it was last read,
   * also after a conflict; `undefined` for a new session.
   */
  encode(deadline: Date, values: ReadonlyMap<string, unknown>, origin?: unknown): Uint8Array
  /**
   * Throws when any part of `data` was not made by this codec. `values` is a plain Map, which the
   * caller may change. `origin` is passed back to `encode` when this row is written over. A codec
   * may keep types there that JavaScript lacks; the manager does not look into it.
   */
  decode(data: Uint8Array): { deadline: Date; values: Map<string, unknown>; origin?: unknown }
}
