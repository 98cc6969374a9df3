import type { IoRedisClient, IoRedisCluster } from './client.ts'
import type { Argument, RedisCommands } from './redis-commands.ts'

/** Commands through a `Redis` of `ioredis`. */
export function ioredisCommands(client: IoRedisClient): RedisCommands {
  refuseKeyPrefix(client)
  let losses = 0
  client.on('close', () => losses++)
  return {
    isCluster: false,
    losses: () => losses,
    send: (_key, args) => call(client, args),
    servers: async () => [(args) => call(client, args)],
  }
}

/** Commands through a `Cluster` of `ioredis`. */
export function ioredisClusterCommands(cluster: IoRedisCluster): RedisCommands {
  refuseKeyPrefix(cluster)
  if ((cluster.options.scaleReads ?? 'master') !== 'master') {
    throw new TypeError("client reads from replicas: for sessions, scaleReads must be 'master'")
  }
  let losses = 0
  // A node that has lost its connection leaves; its commands are sent again later.
  cluster.on('-node', () => losses++)
  return {
    isCluster: true,
    losses: () => losses,
    send: (_key, args) => call(cluster, args),
    servers: async () => cluster.nodes('master').map((node) => (args) => call(node, args)),
  }
}

async function call(
  client: IoRedisClient | IoRedisCluster,
  [command = '', ...args]: Argument[],
): Promise<unknown> {
  return client.callBuffer(String(command), args)
}

function refuseKeyPrefix({ options }: IoRedisClient | IoRedisCluster): void {
  if (!options.keyPrefix) return
  throw new TypeError("client has a keyPrefix: use the store's option prefix in its place")
}
