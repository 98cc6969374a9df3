import type { NodeRedisClient, NodeRedisCluster, NodeRedisOptions } from './client.ts'
import type { RedisCommands, Server } from './redis-commands.ts'

// `$`, which begins a string in Redis's protocol: RESP_TYPES.BLOB_STRING, without loading the
// client.
const options: NodeRedisOptions = { typeMapping: { 36: Buffer } }

// Version 6 makes a timer for each command, in case that it cannot be sent; it costs as much as the
// command itself.
const promptly: NodeRedisOptions = { ...options, timeout: 0 }
// More than this many at once without an answer: the server may have stalled, and then they pile up
// unsent.
const mostPrompt = 64

/** Commands through a client or a pool of `redis`. */
export function clientCommands(client: NodeRedisClient): RedisCommands {
  let waiting = 0
  return {
    isCluster: false,
    losses: () => 0,
    async send(_key, args, signal) {
      const isPrompt = client.isReady && waiting < mostPrompt && !signal?.aborted
      waiting++
      try {
        return await client.sendCommand(args, isPrompt ? promptly : withSignal(signal))
      } finally {
        waiting--
      }
    },
    servers: async () => [serverOf(client)],
  }
}

/** Commands through a cluster of `redis`, which follows slots that have moved. */
export function clusterCommands(cluster: NodeRedisCluster): RedisCommands {
  return {
    isCluster: true,
    losses: () => 0,
    // Not even a read may go to a replica: what was just written need not be there.
    send: (key, args, signal) => cluster.sendCommand(key, false, args, withSignal(signal)),
    servers: () =>
      Promise.all(
        cluster.masters.map(async (node) => serverOf(await cluster.nodeClient(node as never))),
      ),
  }
}

function serverOf(client: NodeRedisClient): Server {
  return async (args) => client.sendCommand(args, options)
}

// A command that has not left yet is then not sent at all.
function withSignal(signal: AbortSignal | undefined): NodeRedisOptions {
  return signal ? { ...options, abortSignal: signal } : options
}
