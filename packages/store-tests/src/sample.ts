const second = 1000
const minute = 60 * second

/**
 * The bytes of an ASCII text: what most cases store, so that a store that mistakes bytes for text
 * fails the case about bytes and no other.
 */
export function text(value: string): Uint8Array {
  return Uint8Array.from(Buffer.from(value, 'latin1'))
}

/** `length` bytes of ASCII, no part of them like another of the same length. */
export function longText(length: number, seed: string): Uint8Array {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at += 16) bytes.write(`${seed}${at}`.padEnd(16, '.'), at, 'latin1')
  return Uint8Array.from(bytes)
}

/** Every byte value once, from 255 down to 0. */
export function everyByte(): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, index) => 255 - index)
}

/**
 * An expiry ten minutes ahead, or that many more. A whole second, so that a store that rounds fails
 * the cases about rounding and no other; nearer than any time zone is to the next, so that one that
 * mixes them up fails.
 */
export function live(moreMinutes = 0): Date {
  const start = Math.ceil(Date.now() / second) * second
  return new Date(start + (10 + moreMinutes) * minute)
}

/** An expiry one minute ago, a whole second. */
export function past(): Date {
  return new Date(Math.floor(Date.now() / second) * second - minute)
}

/**
 * An expiry 200 ms ahead or a little more (at most 700 ms), and `more` milliseconds. It lies in the
 * middle of a second: rounded either way, it is off by 250 ms at the least.
 */
export function midSecond(more = 0): Date {
  const earliest = Date.now() + 200 + more
  const within = earliest % second
  if (within < 250) return new Date(earliest + 250 - within)
  return new Date(within <= 750 ? earliest : earliest + 1250 - within)
}
