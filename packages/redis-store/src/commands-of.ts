import type { RedisClient } from './client.ts'
import { ioredisCommands } from './ioredis.ts'
import { clientCommands, clusterCommands, sentinelCommands } from './node-redis.ts'
import type { RedisCommands } from './redis-commands.ts'

/** The commands of `client`, known by its methods: it may come from another copy of its package. */
export function commandsOf(client: RedisClient): RedisCommands {
  if (typeof client !== 'object' || client === null) throw unknownClient()
  if ('callBuffer' in client) return ioredisCommands(client)
  if (!('sendCommand' in client)) throw unknownClient()
  if ('masters' in client) return clusterCommands(client)
  if ('acquire' in client) return sentinelCommands(client)
  return clientCommands(client)
}

function unknownClient(): TypeError {
  return new TypeError(
    'client must be what createClient, createClientPool, createCluster or createSentinel of redis 5 or later gives, or a Redis or Cluster of ioredis',
  )
}
