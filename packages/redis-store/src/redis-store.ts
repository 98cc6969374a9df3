import {
  type AtomicStore,
  type Context,
  type CtxStore,
  checkOptions,
  isWellFormedToken,
  type OptionNames,
  type ScannableStore,
  type Swap,
} from '@scs/core'
import type { RedisClient } from './client.ts'
import { commandsOf } from './commands-of.ts'
import type { RedisCommands, Server } from './redis-commands.ts'
import { redisError } from './redis-error.ts'
import { runScript } from './script.ts'
import { findWithExpiry } from './scripts.ts'
import { checkSame, checkSlots, stateOf } from './server-state.ts'
import { SessionKeys } from './session-keys.ts'
import { swapSessions } from './swap-sessions.ts'

/** Options of {@link RedisStore}. */
export interface RedisStoreOptions {
  /**
   * What the key of every session begins with; the token follows. With a hash tag (`{sessions}:`) a
   * cluster keeps all sessions in one slot, and so on one server. @default 'scs:session:', as SCS's
   * `redisstore`
   */
  prefix?: string | undefined
}

// How many keys SCAN is to look at in one step, and how many sessions are read at once.
const pageSize = 200

const optionNames: OptionNames<RedisStoreOptions> = { prefix: true }

const hints = {
  client: 'the client is the first argument, new RedisStore(client)',
  ttl: 'a session ends when its manager says so, by lifetime and idleTimeout',
}

/**
 * Sessions in Redis 7 or later, Redis Cluster or Valkey: each is a string that Redis expires
 * itself, to the millisecond. The counterpart of SCS's `redisstore`, whose keys it has.
 *
 * - The client is the caller's, who connects it, listens to its errors and closes it.
 * - Expiry is by the server's clock: keep it alike to the application's.
 * - Each method is one command or one script, in one round trip, and one step of the server.
 *   Exceptions: `scan`, and on a cluster {@link RedisStore.swap}.
 * - Commands go to masters, never to replicas.
 * - The time limit of `redis` for commands that are not sent yet (`commandOptions.timeout`) holds
 *   while there is no connection, and for those beyond 64 that wait for an answer. For the others
 *   it would make a timer each: one that is given to a connection just as it is lost waits for the
 *   next, and the session manager for as long as its `storeTimeout` says.
 * - When Redis fails or cannot be reached, the method rejects with an Error that has a `code` where
 *   there is one, and neither token nor data; the next call tries anew. It also rejects
 *   when a client that repeats commands (ioredis) lost a connection meanwhile, and Redis answers
 *   that the session is not as expected: the first sending may have changed it.
 * - An invalid expiry, or one after the year 9999, is a TypeError.
 */
export class RedisStore implements CtxStore, AtomicStore, ScannableStore {
  readonly #commands: RedisCommands
  readonly #keys: SessionKeys

  /** Asks nothing of the server. Throws a TypeError for a client or an option that cannot be. */
  constructor(client: RedisClient, options: RedisStoreOptions = {}) {
    this.#commands = commandsOf(client)
    checkOptions('RedisStore', options, optionNames, hints)
    this.#keys = new SessionKeys(options.prefix ?? 'scs:session:')
  }

  /** A command that waits for a connection is not sent when `ctx.signal` is aborted. */
  async findCtx(ctx: Context, token: string): Promise<Uint8Array | undefined> {
    if (!isWellFormedToken(token)) return undefined
    const data = await this.#get('find a session', token, ctx.signal)
    return data ?? undefined
  }

  /** Throws a TypeError for a malformed token. */
  async commitCtx(_ctx: Context, token: string, data: Uint8Array, expiry: Date): Promise<void> {
    checkToken(token)
    const key = this.#keys.of(token)
    const until = milliseconds(expiry)
    await this.#run('commit a session', ({ send }) =>
      send(key, ['SET', key, bytes(data), 'PXAT', until]),
    )
  }

  async deleteCtx(_ctx: Context, token: string): Promise<void> {
    if (!isWellFormedToken(token)) return
    const key = this.#keys.of(token)
    await this.#run('delete a session', ({ send }) => send(key, ['DEL', key]))
  }

  async findWithExpiry(
    ctx: Context,
    token: string,
  ): Promise<{ data: Uint8Array; expiry: Date } | undefined> {
    if (!isWellFormedToken(token)) return undefined
    const { signal } = ctx
    const row = await this.#run(
      'find a session',
      (commands) => runScript(commands, findWithExpiry, [this.#keys.of(token)], [], signal),
      signal,
    )
    if (!row) return undefined
    const [data, expiry] = row as [Buffer, unknown]
    return { data, expiry: new Date(Number(expiry)) }
  }

  async touch(_ctx: Context, token: string, expiry: Date): Promise<boolean> {
    if (!isWellFormedToken(token)) return false
    const key = this.#keys.of(token)
    const until = milliseconds(expiry)
    const touched = await this.#run('touch a session', ({ send }) =>
      send(key, ['PEXPIREAT', key, until]),
    )
    return Number(touched) === 1
  }

  /**
   * One script on a single server, and on a cluster when the prefix has a hash tag
   * (`{scs}:session:`). On another cluster:
   *
   * - A session that moves is on two servers. If the old one holds the expected bytes, the new one
   *   is written, the old one is deleted if it holds them still, and otherwise the new one is taken
   *   back. Of several callers, one wins. After an error the session is under one of the two
   *   tokens, or under both.
   * - Absorbed sessions are deleted first, each only while it holds its bytes. When the session is
   *   then changed by another request or a server fails, they are not put back: their data is lost.
   *
   * Throws a TypeError for a malformed `swap.to.token`. Rejects whatever Redis has answered when a
   * client that sends commands again (ioredis) lost a connection meanwhile: the first sending may
   * still arrive.
   */
  async swap(_ctx: Context, swap: Swap): Promise<boolean> {
    const { from, to, absorbed } = swap
    checkToken(to.token)
    const until = milliseconds(to.expiry)
    if (from && !isWellFormedToken(from.token)) return false
    if (!absorbed.every(({ token }) => isWellFormedToken(token))) return false
    const losses = this.#commands.losses()
    const swapped = await this.#run('swap a session', (commands) =>
      swapSessions(commands, this.#keys, swap, until),
    )
    if (losses !== this.#commands.losses()) throw lostMeanwhile('swap a session')
    return swapped
  }

  /**
   * Walks through every server's keys by SCAN, and reads the sessions 200 at a time; stops between
   * two pages when `ctx.signal` is aborted. Throws when sessions may be missing: when the client
   * does not know a server of each slot, or a server is replaced or restarted meanwhile, or slots
   * move to another.
   */
  async *scan(ctx: Context): AsyncGenerator<readonly [token: string, data: Uint8Array], void> {
    const { isCluster } = this.#commands
    const read = <T>(work: () => Promise<T>) => this.#run('read the sessions', work)
    const servers = await read(async () => {
      const found = await Promise.all(
        (await this.#commands.servers()).map(async (server) => ({
          server,
          state: await stateOf(server, isCluster),
        })),
      )
      if (isCluster) checkSlots(found.map(({ state }) => state))
      return found
    })
    for (const { server, state } of servers) {
      for await (const tokens of this.#pages(server)) {
        ctx.signal?.throwIfAborted()
        const values = await Promise.all(
          tokens.map((token) => this.#get('read the sessions', token, ctx.signal)),
        )
        for (const [index, token] of tokens.entries()) {
          const data = values[index]
          if (data) yield [token, data]
        }
      }
      await read(async () => checkSame(state, await stateOf(server, isCluster)))
    }
  }

  #get(operation: string, token: string, signal?: AbortSignal): Promise<Buffer | null> {
    const key = this.#keys.of(token)
    const get = ({ send }: RedisCommands) =>
      send(key, ['GET', key], signal) as PromiseLike<Buffer | null>
    return this.#run(operation, get, signal)
  }

  async *#pages(server: Server): AsyncGenerator<readonly string[], void> {
    const options = ['MATCH', this.#keys.pattern, 'COUNT', String(pageSize)]
    let cursor = '0'
    do {
      const step = await this.#run('read the sessions', () => server(['SCAN', cursor, ...options]))
      const [next, keys] = step as [Buffer, readonly Buffer[]]
      const tokens = keys.flatMap((key) => this.#keys.tokenOf(key) ?? [])
      // A step may give more than it was asked for.
      for (let start = 0; start < tokens.length; start += pageSize) {
        yield tokens.slice(start, start + pageSize)
      }
      cursor = String(next)
    } while (cursor !== '0')
  }

  async #run<T>(
    operation: string,
    work: (commands: RedisCommands) => PromiseLike<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    try {
      return await work(this.#commands)
    } catch (error) {
      signal?.throwIfAborted()
      throw redisError(operation, error)
    }
  }
}

function lostMeanwhile(operation: string): Error {
  return new Error(
    `RedisStore could not ${operation}: a connection was lost, and whether it was done is not known`,
  )
}

function checkToken(token: string): void {
  if (isWellFormedToken(token)) return
  throw new TypeError('token must be 1 to 43 of the characters A-Z a-z 0-9 _ -')
}

// The end of 9999, as elsewhere; Redis refuses what is not after 1970, which has passed as well.
const latest = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

function milliseconds(expiry: Date): string {
  const time = expiry.getTime()
  if (!(time <= latest)) {
    throw new TypeError('expiry must be a valid Date, of the year 9999 at the latest')
  }
  return String(Math.max(time, 1))
}

// The same bytes; nothing is copied.
function bytes(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}
