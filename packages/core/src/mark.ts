import type { Codec } from './codec.ts'
import type { SessionState } from './session-data.ts'
import { generateToken } from './token.ts'

/** 48 random bits: no two writes that are marked are the same bytes. */
export function newMark(): string {
  return generateToken().slice(0, 8)
}

/** The bytes of a session with a new mark under `key`. */
export function marked(codec: Codec, state: SessionState, key: string): Uint8Array {
  const values = new Map(state.values).set(key, newMark())
  return codec.encode(state.deadline, values, state.origin)
}
