import type { Swap } from '@scs/core'
import { moveSession } from './move-session.ts'
import type { RedisCommands } from './redis-commands.ts'
import { runNumeric } from './script.ts'
import { deleteHeld, swap as swapScript } from './scripts.ts'
import type { SessionKeys } from './session-keys.ts'

type HeldRow = Swap['absorbed'][number]

/**
 * {@link Swap}: one script where all keys are on one server. On a cluster without a hash tag,
 * absorbed sessions are deleted first, each only while it holds its bytes. They are not put back
 * when the session itself then cannot be swapped.
 *
 * @param until the expiry of `swap.to`, as Redis takes it
 */
export async function swapSessions(
  commands: RedisCommands,
  keys: SessionKeys,
  swap: Swap,
  until: string,
): Promise<boolean> {
  const { from, to, absorbed } = swap
  if (!commands.isCluster || keys.areTogether) return swapAtOnce(commands, keys, swap, until)
  if (absorbed.length > 0) {
    if (!(await isAsExpected(commands, keys, swap))) return false
    for (const row of absorbed) if (!(await deleteExactly(commands, keys, row))) return false
  }
  if (!from || from.token === to.token) {
    return swapAtOnce(commands, keys, { from, to, absorbed: [] }, until)
  }
  const [expected, data] = [bytes(from.data), bytes(to.data)]
  const move = { token: from.token, newToken: to.token, expected, data, expiry: until }
  return (await moveSession(commands, keys, move)) === 1
}

async function swapAtOnce(
  commands: RedisCommands,
  keys: SessionKeys,
  { from, to, absorbed }: Swap,
  until: string,
): Promise<boolean> {
  const held = from ? [from, ...absorbed] : absorbed
  const tokens = held.map(({ token }) => keys.of(token))
  const args = [bytes(to.data), until, ...held.map(({ data }) => bytes(data))]
  return (await runNumeric(commands, swapScript, [keys.of(to.token), ...tokens], args)) === 1
}

// Before anything is deleted: only a request at the same time can then have the swap fail half-way.
async function isAsExpected(
  commands: RedisCommands,
  keys: SessionKeys,
  { from, to, absorbed }: Swap,
): Promise<boolean> {
  const get = (token: string) =>
    commands.send(keys.of(token), ['GET', keys.of(token)]) as PromiseLike<Buffer | null>
  const held = from ? [from, ...absorbed] : absorbed
  for (const { token, data } of held) if (!(await get(token))?.equals(bytes(data))) return false
  return to.token === from?.token || (await get(to.token)) === null
}

async function deleteExactly(
  commands: RedisCommands,
  keys: SessionKeys,
  { token, data }: HeldRow,
): Promise<boolean> {
  return (await runNumeric(commands, deleteHeld, [keys.of(token)], [bytes(data)])) === 1
}

// The same bytes; nothing is copied.
function bytes(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}
