import type { Argument } from './redis-commands.ts'

/** What `createClient` or `createClientPool` of `redis` gives. */
export interface NodeRedisClient {
  sendCommand(args: Argument[], options?: NodeRedisOptions): PromiseLike<unknown>
}

/** What `createCluster` of `redis` gives. */
export interface NodeRedisCluster {
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: Argument[],
    options?: NodeRedisOptions,
  ): PromiseLike<unknown>
  readonly masters: readonly unknown[]
  nodeClient(node: never): NodeRedisClient | PromiseLike<NodeRedisClient>
}

/** The options of one command of `redis`. */
export interface NodeRedisOptions {
  typeMapping?: { 36: BufferConstructor }
  abortSignal?: AbortSignal
}

/** A `Redis` of `ioredis`. */
export interface IoRedisClient {
  callBuffer(command: string, args: Argument[]): PromiseLike<unknown>
  on(event: 'close', listener: () => void): unknown
  readonly options: { readonly keyPrefix?: string | undefined }
}

/** A `Cluster` of `ioredis`. */
export interface IoRedisCluster {
  callBuffer(command: string, args: Argument[]): PromiseLike<unknown>
  nodes(role: 'master'): readonly IoRedisClient[]
  on(event: '-node', listener: () => void): unknown
  readonly isCluster: true
  readonly options: {
    readonly keyPrefix?: string | undefined
    readonly scaleReads?: unknown
  }
}

/** A client of `redis` 5 or later, or of `ioredis`. It is the caller's: the store neither connects nor closes it. */
export type RedisClient = NodeRedisClient | NodeRedisCluster | IoRedisClient | IoRedisCluster
