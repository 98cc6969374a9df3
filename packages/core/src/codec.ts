/**
 * Turns a session into bytes and back. The deadline travels inside the data: it is the end of the session's life,
 * where the store's expiry is only when the row may be forgotten.
 *
 * `decode(encode(deadline, values))` gives back an equal deadline and equal values, every key of them: `__rememberMe` (a
 * boolean) and `__write` (a string) belong to the session manager, and the guarantees for concurrent requests depend on
 * them. Both are synchronous and keep no reference to what they are given.
 */
export interface Codec {
  /** Throws a TypeError that names the key when a value cannot be encoded; nothing is written then. */
  encode(deadline: Date, values: ReadonlyMap<string, unknown>): Uint8Array
  /** Throws when `data` was not made by this codec. The Map is the caller's to change. */
  decode(data: Uint8Array): { deadline: Date; values: Map<string, unknown> }
}
