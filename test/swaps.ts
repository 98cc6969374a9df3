import type { Swap } from '../packages/core/src/store/store.ts'

/** A swap that writes `data` over the session of `token`. */
export function over(token: string, expected: Uint8Array, data: Uint8Array, expiry: Date): Swap {
  return moved(token, token, expected, data, expiry)
}

/** A swap that moves a session to another token. */
export function moved(
  token: string,
  newToken: string,
  expected: Uint8Array,
  data: Uint8Array,
  expiry: Date,
): Swap {
  return { from: { token, data: expected }, to: { token: newToken, data, expiry }, absorbed: [] }
}
