import type { RedisClient } from './client.ts'
import { ioredisClusterCommands, ioredisCommands } from './ioredis.ts'
import { clientCommands, clusterCommands } from './node-redis.ts'
import type { RedisCommands } from './redis-commands.ts'

/** The commands of `client`, known by its methods: it may come from another copy of its package. */
export function commandsOf(client: RedisClient): RedisCommands {
  if (typeof client !== 'object' || client === null) throw unknownClient()
  if ('callBuffer' in client) {
    return 'nodes' in client ? ioredisClusterCommands(client) : ioredisCommands(client)
  }
  // A sentinel of `redis` sends a command again after it has lost the answer, and does not tell: what was added once
  // could count twice.
  if (!('sendCommand' in client) || 'acquire' in client) throw unknownClient()
  if ('masters' in client) return clusterCommands(client)
  return clientCommands(client)
}

function unknownClient(): TypeError {
  return new TypeError(
    'client must be what createClient, createClientPool or createCluster of redis 5 or later gives, or a Redis or Cluster of ioredis',
  )
}
