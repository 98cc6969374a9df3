import type { IoRedisClient, IoRedisCluster } from './client.ts'
import type { Argument, RedisCommands } from './redis-commands.ts'

/** Commands through `ioredis`, which repeats them after it has lost a connection. */
export function ioredisCommands(client: IoRedisClient | IoRedisCluster): RedisCommands {
  const { options } = client
  if (options.keyPrefix) {
    throw new TypeError("client has a keyPrefix: use the store's option prefix instead")
  }
  const isCluster = 'isCluster' in client && client.isCluster
  if (isCluster && (client.options.scaleReads ?? 'master') !== 'master') {
    throw new TypeError("client reads from replicas: scaleReads must be 'master' for sessions")
  }
  return {
    isCluster,
    repeats: true,
    send: (_key, args) => call(client, args),
    servers: async () =>
      (isCluster ? client.nodes('master') : [client]).map((node) => (args) => call(node, args)),
  }
}

async function call(
  client: IoRedisClient | IoRedisCluster,
  [command = '', ...args]: Argument[],
): Promise<unknown> {
  return client.callBuffer(String(command), args)
}
