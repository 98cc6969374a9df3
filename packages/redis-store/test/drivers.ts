import type { NodeRedisCluster, RedisClient } from '@scs/redis-store'
import { ofThisPart } from '../../../test/part.ts'

/** A client that is connected. */
export interface Opened {
  readonly client: RedisClient
  /** Sends a command, in the words of redis-cli. */
  run(...args: string[]): Promise<unknown>
  close(): Promise<void>
}

/** How a client is opened. */
export interface OpenOptions {
  /** A command whose connection is lost fails at once, and does not wait for another. */
  readonly impatient?: boolean
}

/** One of the clients that the store must work with, loaded when it is opened. */
export interface Driver {
  readonly name: string
  open(url: string, options?: OpenOptions): Promise<Opened>
}

/** One of the clients of a cluster. */
export interface ClusterDriver {
  readonly name: string
  open(urls: readonly string[], options?: OpenOptions): Promise<Opened>
}

export const nodeRedis: Driver = {
  name: 'redis',
  async open(url, { impatient = false } = {}) {
    const { createClient } = await import('redis')
    const client = createClient({ url, disableOfflineQueue: impatient })
    client.on('error', () => {})
    await client.connect()
    return { client, run: (...args) => client.sendCommand(args), close: () => client.close() }
  },
}

export const nodeRedis2: Driver = {
  name: 'redis, by RESP2',
  async open(url, { impatient = false } = {}) {
    const { createClient } = await import('redis')
    const client = createClient({ url, RESP: 2, disableOfflineQueue: impatient })
    client.on('error', () => {})
    await client.connect()
    return { client, run: (...args) => client.sendCommand(args), close: () => client.close() }
  },
}

export const nodeRedisPool: Driver = {
  name: 'redis, a pool',
  async open(url, { impatient = false } = {}) {
    const { createClientPool } = await import('redis')
    const client = createClientPool({ url, disableOfflineQueue: impatient })
    client.on('error', () => {})
    await client.connect()
    return { client, run: (...args) => client.sendCommand(args), close: () => client.close() }
  },
}

export const ioredis: Driver = ioredisWith('ioredis')

export const ioredisAutoPipelining: Driver = ioredisWith('ioredis, auto-pipelining', {
  enableAutoPipelining: true,
})

function ioredisWith(name: string, settings: { enableAutoPipelining?: boolean } = {}): Driver {
  return {
    name,
    async open(url, { impatient = false } = {}) {
      const { Redis } = await import('ioredis')
      const client = new Redis(url, {
        lazyConnect: true,
        maxRetriesPerRequest: 1,
        enableOfflineQueue: !impatient,
        ...settings,
      })
      client.on('error', () => {})
      await client.connect()
      return {
        client,
        run: (command = '', ...args) => client.call(command, args),
        close: async () => client.disconnect(),
      }
    },
  }
}

export const nodeRedisCluster: ClusterDriver = {
  name: 'redis, a cluster',
  async open(urls, { impatient = false } = {}) {
    const { createCluster } = await import('redis')
    const client = createCluster({
      rootNodes: urls.map((url) => ({ url })),
      topologyRefreshOnReconnectionAttemptStrategy: 100,
      defaults: { disableOfflineQueue: impatient },
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
  name: 'ioredis, a cluster',
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

/** Acknowledges what a replica has. */
export const nodeRedisClusterWithReplicas: ClusterDriver = {
  name: 'redis, a cluster, with WAIT',
  async open(urls, options) {
    const opened = await nodeRedisCluster.open(urls, options)
    return { ...opened, client: withReplicas(opened.client as NodeRedisCluster) }
  },
}

// The one of the README.
function withReplicas(cluster: NodeRedisCluster): NodeRedisCluster {
  return {
    get masters() {
      return cluster.masters
    },
    nodeClient: (node) => cluster.nodeClient(node),
    async sendCommand(key, isReadonly, args, options) {
      const answer = await cluster.sendCommand(key, isReadonly, args, options)
      const replicas = await cluster.sendCommand(key, isReadonly, ['WAIT', '1', '500'])
      if (Number(replicas) < 1) throw new Error('no replica has the last write')
      return answer
    },
  }
}

export const clusterDrivers: readonly ClusterDriver[] = [nodeRedisCluster, ioredisCluster]

const allDrivers = [nodeRedis, nodeRedis2, nodeRedisPool, ioredis, ioredisAutoPipelining]

/** Those of this part of the tests. */
export const drivers = ofThisPart(allDrivers, [nodeRedis])

/** The driver of that name, whatever the part: for a process that a test starts. */
export function driverCalled(name: string | undefined): (typeof allDrivers)[number] {
  const driver = allDrivers.find((candidate) => candidate.name === name)
  if (driver === undefined) throw new Error(`no driver ${name}`)
  return driver
}
