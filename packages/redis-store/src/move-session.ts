import { setTimeout as delay } from 'node:timers/promises'
import { minute } from '@scs/core'
import type { RedisCommands } from './redis-commands.ts'
import { runNumeric } from './script.ts'
import { arrive, leave } from './scripts.ts'
import type { SessionKeys } from './session-keys.ts'

/** A session that moves, with what it is to hold and until when. */
export interface Move {
  readonly token: string
  readonly newToken: string
  readonly expected: Buffer
  readonly data: Buffer
  readonly expiry: string
}

// Longer than anybody waits for a store.
const noteLife = String(minute)
const mostTries = 4

/**
 * Moves a session between two slots of a cluster, which no script can do: the new one is written, the old one deleted if
 * it holds what is expected, and the new one taken back if it did not. What deletes the old one leaves a note in its slot,
 * so that it can be asked again when its answer was lost. When that fails as well, neither is taken away: the session
 * is under the old token or the new one, or, as long as the other lives, under both. 1: moved; 0: not; -1: `newToken` is
 * another session.
 */
export async function moveSession(
  commands: RedisCommands,
  keys: SessionKeys,
  { token, newToken, expected, data, expiry }: Move,
): Promise<number> {
  const newKey = keys.of(newToken)
  const arrived = await runNumeric(commands, arrive, [newKey], [data, expiry])
  if (arrived !== 1) return -1
  const slot = [keys.of(token), keys.noteOf(token)] as const
  const left = await repeatedly(() =>
    runNumeric(commands, leave, [...slot], [expected, newToken, noteLife]),
  )
  if (left === 1) return 1
  // Nobody has been told of the new token: where it cannot be taken back, it expires unseen.
  await repeatedly(() => commands.send(newKey, ['DEL', newKey])).catch(() => {})
  return 0
}

// What may be done twice.
async function repeatedly<T>(fn: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await fn()
    } catch (error) {
      if (tries === mostTries) throw error
      await delay(Math.random() * 50 * 2 ** tries)
    }
  }
}
