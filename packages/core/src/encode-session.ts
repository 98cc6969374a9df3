import type { Codec } from './codec.ts'
import type { CheckedOptions } from './options.ts'
import { type SessionState, writeMarkKey } from './session-data.ts'

/**
 * The bytes of a session that is to be written. Throws a TypeError that names the key when a value cannot be encoded, and one
 * that names the largest when it takes more than `maxSize`.
 */
export function encodeSession(options: CheckedOptions, state: SessionState): Uint8Array {
  const { codec, maxSize } = options
  const bytes = codec.encode(state.deadline, state.values, state.origin)
  if (maxSize > 0 && bytes.length > maxSize) checkSize(codec, maxSize, state, bytes.length)
  return bytes
}

function checkSize(codec: Codec, maxSize: number, state: SessionState, bytes: number): void {
  const size = state.values.has(writeMarkKey) ? sizeWithoutMark(codec, state) : bytes
  if (size <= maxSize) return
  const key = largestIn(codec, state)
  const where =
    key === undefined
      ? 'keep a part of it'
      : `its largest key is ${JSON.stringify(shortened(key))}: keep that value`
  throw new TypeError(
    `the session takes ${size} bytes, and the option maxSize allows ${maxSize}; ${where} elsewhere, and in the session what finds it`,
  )
}

function sizeWithoutMark(codec: Codec, { deadline, values, origin }: SessionState): number {
  const others = new Map(values)
  others.delete(writeMarkKey)
  return codec.encode(deadline, others, origin).length
}

function largestIn(codec: Codec, { deadline, values, origin }: SessionState): string | undefined {
  let largest: string | undefined
  let most = 0
  for (const [key, value] of values) {
    const size = sizeOf(codec, { deadline, values: new Map([[key, value]]), origin })
    if (size <= most) continue
    largest = key
    most = size
  }
  return largest
}

// A custom codec may refuse a part of a session.
function sizeOf(codec: Codec, { deadline, values, origin }: SessionState): number {
  try {
    return codec.encode(deadline, values, origin).length
  } catch {
    return 0
  }
}

const longestKey = 100

function shortened(key: string): string {
  return key.length > longestKey ? `${key.slice(0, longestKey)}…` : key
}
