import type { RedisClient } from '@scs/redis-store'
import { inject } from 'vitest'
import '../../../test/servers/provided-context.ts'

/** A client that is connected. */
export interface Opened {
  readonly client: RedisClient
  /** Sends a command, in the words of redis-cli. */
  run(...args: string[]): Promise<unknown>
  close(): Promise<void>
}

/** One of the clients that the store must work with, loaded when it is opened. */
export interface Driver {
  readonly name: string
  open(url: string): Promise<Opened>
}

/** One of the clients of a cluster. */
export interface ClusterDriver {
  readonly name: string
  open(urls: readonly string[]): Promise<Opened>
}

export const nodeRedis: Driver = {
  name: 'redis',
  async open(url) {
    const { createClient } = await import('redis')
    const client = createClient({ url })
    client.on('error', () => {})
    await client.connect()
    return { client, run: (...args) => client.sendCommand(args), close: () => client.close() }
  },
}

export const nodeRedis2: Driver = {
  name: 'redis, by RESP2',
  async open(url) {
    const { createClient } = await import('redis')
    const client = createClient({ url, RESP: 2 })
    client.on('error', () => {})
    await client.connect()
    return { client, run: (...args) => client.sendCommand(args), close: () => client.close() }
  },
}

export const nodeRedisPool: Driver = {
  name: 'redis, a pool',
  async open(url) {
    const { createClientPool } = await import('redis')
    const client = createClientPool({ url })
    client.on('error', () => {})
    await client.connect()
    return { client, run: (...args) => client.sendCommand(args), close: () => client.close() }
  },
}

export const ioredis: Driver = {
  name: 'ioredis',
  async open(url) {
    const { Redis } = await import('ioredis')
    const client = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 1 })
    client.on('error', () => {})
    await client.connect()
    return {
      client,
      run: (command = '', ...args) => client.call(command, args),
      close: async () => client.disconnect(),
    }
  },
}

export const nodeRedisCluster: ClusterDriver = {
  name: 'redis',
  async open(urls) {
    const { createCluster } = await import('redis')
    const client = createCluster({
      rootNodes: urls.map((url) => ({ url })),
      topologyRefreshOnReconnectionAttemptStrategy: 100,
    })
    client.on('error', () => {})
    await client.connect()
    return {
      client,
      run: (...args) => client.sendCommand(args[1], false, args),
      close: () => client.close(),
    }
  },
}

export const ioredisCluster: ClusterDriver = {
  name: 'ioredis',
  async open(urls) {
    const { Cluster } = await import('ioredis')
    const client = new Cluster([...urls], { lazyConnect: true })
    client.on('error', () => {})
    await client.connect()
    return {
      client,
      run: (command = '', ...args) => client.call(command, args),
      close: async () => client.disconnect(),
    }
  },
}

export const clusterDrivers: readonly ClusterDriver[] = [nodeRedisCluster, ioredisCluster]

export const drivers: readonly Driver[] = [nodeRedis, nodeRedis2, nodeRedisPool, ioredis]

/** The Redis of this run; `undefined` where there is none. */
export function redisUrl(): string | undefined {
  return inject('redisUrl')
}
