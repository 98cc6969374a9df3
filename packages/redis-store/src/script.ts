import { createHash } from 'node:crypto'
import type { Argument, RedisCommands } from './redis-commands.ts'
import { replyCode } from './redis-error.ts'

/** A program that Redis runs in one step. */
export interface Script {
  readonly lua: string
  /** What Redis knows it by once it has seen it. */
  readonly sha: string
}

/** Makes a script of its text. */
export function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}

/**
 * Runs a script in one round trip, by its hash; with its text where the server does not know it: at
 * first, and after a restart or a fail-over. A script that is not known has done nothing.
 */
export function runScript(
  commands: RedisCommands,
  { sha, lua }: Script,
  keys: readonly [string, ...string[]],
  args: readonly Argument[] = [],
  signal?: AbortSignal,
): PromiseLike<unknown> {
  const command = (name: string, program: string): PromiseLike<unknown> =>
    commands.send(keys[0], [name, program, String(keys.length), ...keys, ...args], signal)
  return command('EVALSHA', sha).then(undefined, (error) => {
    if (replyCode(error) !== 'NOSCRIPT') throw error
    return command('EVAL', lua)
  })
}

/** As {@link runScript}, of a script that answers with a number, however the client gives it. */
export function runNumeric(...run: Parameters<typeof runScript>): PromiseLike<number> {
  return runScript(...run).then(Number)
}
