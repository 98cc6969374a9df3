import { promisify } from 'node:util'
import type { IoRedisClient, IoRedisCluster } from './client.ts'
import type { Argument, RedisCommands } from './redis-commands.ts'

/** Commands through a `Redis` of `ioredis`. */
export function ioredisCommands(client: IoRedisClient): RedisCommands {
  refuseKeyPrefix(client)
  return {
    isCluster: false,
    losses: counted(client, (lost) => client.on('close', lost)),
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
  return {
    isCluster: true,
    // A node that has lost its connection leaves; its commands are sent again later.
    losses: counted(cluster, (lost) => cluster.on('-node', lost)),
    send: (_key, args) => call(cluster, args),
    async servers() {
      // It connects to its first command, and learns of a fail-over by commands that fail.
      await call(cluster, ['CLUSTER', 'INFO'])
      await promisify(cluster.refreshSlotsCache.bind(cluster))()
      return cluster.nodes('master').map((node) => (args) => call(node, args))
    },
  }
}

// Of one client, however many stores it has: it warns of its eleventh listener.
const counts = new WeakMap<object, () => number>()

function counted(client: object, listen: (lost: () => void) => unknown): () => number {
  const known = counts.get(client)
  if (known) return known
  let losses = 0
  listen(() => losses++)
  const count = () => losses
  counts.set(client, count)
  return count
}

// Not by `callBuffer`, which ends the process when auto-pipelining is on (redis/ioredis 5 and 6):
// this never joins such a pipeline.
async function call(
  client: IoRedisClient | IoRedisCluster,
  [command = '', ...args]: Argument[],
): Promise<unknown> {
  return client.createBuiltinCommand(String(command)).buffer.apply(client, args)
}

function refuseKeyPrefix({ options }: IoRedisClient | IoRedisCluster): void {
  if (!options.keyPrefix) return
  throw new TypeError("client has a keyPrefix: use the store's option prefix in its place")
}
