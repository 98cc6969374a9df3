import type { RedisClient } from './client.ts'
import { ioredisClusterCommands, ioredisCommands } from './ioredis.ts'
import { clientCommands, clusterCommands } from './node-redis.ts'
import type { RedisCommands } from './redis-commands.ts'

/**
 * The commands of `client`, known by its methods: it may come from another copy of its package.
 * Throws a TypeError that says why for one that cannot be used.
 */
export function commandsOf(client: RedisClient): RedisCommands {
  if (typeof client !== 'object' || client === null) throw unknownClient()
  const reason = [...misfits].find(([, fits]) => fits(client))?.[0]
  if (reason !== undefined) throw new TypeError(reason)
  if ('createBuiltinCommand' in client) {
    return 'nodes' in client ? ioredisClusterCommands(client) : ioredisCommands(client)
  }
  if (!('sendCommand' in client)) throw unknownClient()
  if ('masters' in client) return clusterCommands(client)
  return clientCommands(client)
}

// Clients that have the methods, and do something else.
const misfits: ReadonlyMap<string, (client: object) => boolean> = new Map([
  [
    'client is a createSentinel of redis, which sends a command again when its answer was lost, so that a change may be made twice: ' +
      'use createClient, or a Redis of ioredis with its option sentinels',
    (client) => 'acquire' in client || 'release' in client,
  ],
  [
    'client is a multi() or a pipeline(), which sends nothing before its exec(): pass the client that it was made of',
    // A client of ioredis has an exec() too.
    (client) => 'isPipeline' in client || ('exec' in client && !('createBuiltinCommand' in client)),
  ],
  [
    'client is a legacy() client of redis, whose methods take callbacks: pass the client that legacy() was called on',
    (client) => 'sendCommand' in client && 'multi' in client && !('connect' in client),
  ],
])

function unknownClient(): TypeError {
  return new TypeError(
    'client must be what createClient, createClientPool or createCluster of redis 5 or later gives, or a Redis or Cluster of ioredis',
  )
}
