import { background, type ScannableStore } from '@scs/core'

/** Every session of a store, by token. */
export async function sessionsOf(store: ScannableStore): Promise<Map<string, Uint8Array>> {
  const sessions = new Map<string, Uint8Array>()
  for await (const [token, data] of store.scan(background())) sessions.set(token, data)
  return sessions
}
