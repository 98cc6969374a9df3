import { setTimeout as delay } from 'node:timers/promises'
import { minute } from '@scs/core'
import type { RedisCommands } from './redis-commands.ts'
import { runNumeric } from './script.ts'
import { arrive, leave, standing, takeBack } from './scripts.ts'
import type { SessionKeys } from './session-keys.ts'

/** A session that moves, with what it is to hold and until when. */
export interface Move {
  readonly token: string
  readonly newToken: string
  readonly expected: Buffer
  readonly data: Buffer
  readonly expiry: string
}

// Longer than anybody waits for a store, or a command is late.
const noteLife = String(minute)
const mostTries = 4

// Tries of one move follow each other in one process: nobody else knows the new token.
let lastTry = 0

/**
 * Moves a session between two slots of a cluster, which no script can do. If the old row is as
 * expected, writes the new one, and then deletes the old one if it is unchanged. Otherwise deletes
 * the new one again. A note beside the old row says whether it was deleted, so that the step can be
 * repeated after its answer was lost. A note beside the new row makes a delayed write harmless: it
 * cannot restore a session that was signed out. When a step fails for good, nothing is deleted: the
 * session is under the old token, the new one, or both. 1: moved; 0: not moved; -1: `newToken` is
 * another session.
 */
export async function moveSession(
  commands: RedisCommands,
  keys: SessionKeys,
  { token, newToken, expected, data, expiry }: Move,
): Promise<number> {
  const key = keys.of(newToken)
  const from = [keys.of(token), keys.departureOf(token)] as const
  const to = [key, keys.arrivalOf(token, newToken)] as const
  const stands = await runNumeric(commands, standing, [...from], [expected, newToken])
  if (stands === 0) return 0
  if (stands === 2) return (await holds(commands, key, data)) ? 1 : 0

  lastTry = Math.max(lastTry + 1, Date.now())
  const current = String(lastTry)
  const arrived = await runNumeric(commands, arrive, [...to], [data, expiry, current, noteLife])
  if (arrived !== 1) return arrived
  const left = await repeatedly(() =>
    runNumeric(commands, leave, [...from], [expected, newToken, noteLife]),
  )
  if (left === 1) return 1
  await repeatedly(() => runNumeric(commands, takeBack, [...to], [data, current]))
  return 0
}

async function holds(commands: RedisCommands, key: string, data: Buffer): Promise<boolean> {
  const there = (await commands.send(key, ['GET', key])) as Buffer | null
  return there?.equals(data) ?? false
}

// What may be done twice.
async function repeatedly<T>(fn: () => PromiseLike<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await fn()
    } catch (error) {
      if (tries === mostTries) throw error
      await delay(Math.random() * 50 * 2 ** tries)
    }
  }
}
