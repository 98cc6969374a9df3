import type { Argument } from './redis-commands.ts'

/** What `createClient` or `createClientPool` of `redis` gives, or stands in for it. */
export interface NodeRedisClient {
  /** Sends a command as it is. */
  sendCommand(args: Argument[], options?: NodeRedisOptions): PromiseLike<unknown>
  /** Whether it has a connection, and sends at once. A pool does not tell. */
  readonly isReady?: boolean
}

/** What `createCluster` of `redis` gives. */
export interface NodeRedisCluster {
  /** Sends a command as it is, to the server that has the slot of `firstKey`. */
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: Argument[],
    options?: NodeRedisOptions,
  ): PromiseLike<unknown>
  /** The servers that have slots. */
  readonly masters: readonly unknown[]
  /** The client of one of them. */
  nodeClient(node: never): NodeRedisClient | PromiseLike<NodeRedisClient>
}

/** The options of one command of `redis`. */
export interface NodeRedisOptions {
  /** Strings of the answer are Buffers. */
  typeMapping?: { 36: BufferConstructor }
  /** The command is not sent when this is aborted before. */
  abortSignal?: AbortSignal
  /** Milliseconds that the command may wait before it is sent; 0: no limit. */
  timeout?: number
}

/** The methods of one command of `ioredis`. */
export interface IoRedisCommand {
  /** Calls the command; bytes in its answer are a Buffer. */
  readonly buffer: (...args: Argument[]) => PromiseLike<unknown>
}

/** A `Redis` of `ioredis`. */
export interface IoRedisClient {
  /**
   * Makes the method of a command; what `buffer` gives is called on the client, and strings of its
   * answer are Buffers.
   */
  createBuiltinCommand(command: string): IoRedisCommand
  /** Tells of a lost connection. */
  on(event: 'close', listener: () => void): unknown
  /** What it was made with. */
  readonly options: { readonly keyPrefix?: string | undefined }
}

/** A `Cluster` of `ioredis`. */
export interface IoRedisCluster {
  /**
   * As {@link IoRedisClient.createBuiltinCommand}; a command goes to the server that has the slot
   * of its first key.
   */
  createBuiltinCommand(command: string): IoRedisCommand
  /** Asks which server has which slots. */
  refreshSlotsCache(callback: (error?: Error | null) => void): void
  /** The servers that have slots. */
  nodes(role: 'master'): readonly IoRedisClient[]
  /** Tells of a server that has left, or whose connection was lost. */
  on(event: '-node', listener: () => void): unknown
  /** What it was made with. */
  readonly options: {
    readonly keyPrefix?: string | undefined
    readonly scaleReads?: unknown
  }
}

/**
 * A client of `redis` 5 or later, or of `ioredis`. It is the caller's: the store neither connects
 * nor closes it.
 */
export type RedisClient = NodeRedisClient | NodeRedisCluster | IoRedisClient | IoRedisCluster
