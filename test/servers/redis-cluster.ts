import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { findProgram } from './find-program.ts'
import { type PrivateServer, type Recipe, startPrivateServer } from './private-server.ts'
import { redis } from './redis.ts'

const run = promisify(execFile)

/** A Redis Cluster that a test has to itself: three masters, each with a replica. */
export interface RedisCluster {
  /** Where clients begin. */
  readonly urls: readonly string[]
  /** The port of the master that has `key` now, as a server that is up sees it. */
  masterOf(key: string): Promise<number>
  /** Kills the server at this port; fulfilled when it is gone. */
  kill(port: number): Promise<void>
  /** Fulfilled when the replica of the master that was killed has taken over, as every server that is up sees it. */
  takenOver(port: number): Promise<void>
  /** Kills the master at this port, and waits until its replica has taken over. */
  failOver(port: number): Promise<void>
  /** Starts a killed server again; fulfilled when it is a replica that has its master's data. */
  restart(port: number): Promise<void>
  /** Fulfilled when every server that is up sees every slot served, and every replica has its master's data. */
  settled(): Promise<void>
  /** Sends a command to the server at this port, and gives the answer as text. */
  ask(port: number, ...command: string[]): Promise<string>
  /** Ends all servers and removes their files; idempotent. */
  stop(): Promise<void>
}

const size = 6
// How long a silent server is waited for, in ms. The replica takes over about a second later. On a busy machine, a
// server that is only slow must not be taken for dead.
const nodeTimeout = 2000

/** How to start one of the servers; `undefined` when Redis's programs are missing. */
export function clusterRecipe(): Recipe | undefined {
  const recipe = redis.recipe()
  if (recipe === undefined || redisCli() === undefined) return undefined
  return {
    ...recipe,
    name: 'Redis Cluster',
    serve: (directory, port) => [
      ...recipe.serve(directory, port),
      // Its default is above the port, and a port that is given out at random may have nothing 10,000 above it.
      ...['--cluster-enabled', 'yes', '--cluster-port', String(port - 10_000)],
      ...['--cluster-node-timeout', String(nodeTimeout), '--repl-diskless-sync-delay', '0'],
      // A killed server that returns has what it had acknowledged.
      ...['--appendonly', 'yes', '--appendfsync', 'always'],
    ],
  }
}

/** Starts a cluster; fulfilled when it is settled. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const recipe = clusterRecipe()
  const cli = redisCli()
  if (recipe === undefined || cli === undefined) throw new Error('there is no redis-server here')
  const outcomes = await Promise.allSettled(
    Array.from({ length: size }, () => startPrivateServer(recipe)),
  )
  const servers = outcomes.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []))
  const cluster = clusterOf(servers, cli)
  try {
    for (const outcome of outcomes) if ('reason' in outcome) throw outcome.reason
    const addresses = servers.map(({ port }) => `127.0.0.1:${port}`)
    await run(cli, [
      ...['--cluster', 'create', ...addresses],
      ...['--cluster-replicas', '1', '--cluster-yes'],
    ])
    await cluster.settled()
  } catch (error) {
    await cluster.stop()
    throw error
  }
  return cluster
}

function clusterOf(servers: readonly PrivateServer[], cli: string): RedisCluster {
  const up = new Set(servers.map(({ port }) => port))
  const ask = async (port: number, ...command: string[]): Promise<string> =>
    (await run(cli, ['-h', '127.0.0.1', '-p', String(port), ...command])).stdout.trim()

  // As the server at `by` sees it.
  async function hasSlots(by: number, port: number): Promise<boolean> {
    const nodes = await slotsOf(by)
    return nodes.some((node) => node.port === port && node.ranges.length > 0)
  }

  async function slotsOf(by: number): Promise<readonly { port: number; ranges: string[] }[]> {
    const lines = (await ask(by, 'cluster', 'nodes')).split('\n')
    return lines.map((line) => {
      const [, address = '', , , , , , , ...ranges] = line.split(' ')
      return { port: Number(/:(\d+)@/.exec(address)?.[1]), ranges }
    })
  }

  function serverAt(port: number): PrivateServer {
    const server = servers.find((candidate) => candidate.port === port)
    if (server === undefined) throw new Error(`no server of the cluster is at ${port}`)
    return server
  }

  async function isSettled(port: number): Promise<boolean> {
    const state = await ask(port, 'cluster', 'info')
    const replication = await ask(port, 'info', 'replication')
    const nodes = await ask(port, 'cluster', 'nodes')
    const isKnown = nodes.split('\n').length >= size
    const isSynced = /role:master|master_link_status:up/.test(replication)
    return isKnown && isSynced && state.includes('cluster_state:ok')
  }

  return {
    urls: servers.map(({ port }) => redis.url(port)),
    ask,
    async kill(port) {
      up.delete(port)
      await serverAt(port).kill()
    },
    async takenOver(port) {
      // For a while, nobody has noticed.
      for (const other of up) while (await hasSlots(other, port)) await delay(50)
      await this.settled()
    },
    async failOver(port) {
      await this.kill(port)
      await this.takenOver(port)
    },
    async restart(port) {
      await serverAt(port).restart()
      up.add(port)
      // Until it has heard of its successor, it takes itself for the master that it was.
      while (!(await ask(port, 'info', 'replication')).includes('role:slave')) await delay(50)
      await this.settled()
    },
    async masterOf(key) {
      const [port = 0] = up
      const slot = Number(await ask(port, 'cluster', 'keyslot', key))
      const nodes = await slotsOf(port)
      const master = nodes.find(({ ranges }) => ranges.some((range) => isWithin(slot, range)))
      if (master === undefined) throw new Error(`no server has the slot of ${key}`)
      return master.port
    },
    async settled() {
      for (const port of up) while (!(await isSettled(port))) await delay(50)
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
}

function isWithin(slot: number, range: string): boolean {
  const [first = '', last = first] = range.split('-')
  return Number(first) <= slot && slot <= Number(last)
}

function redisCli(): string | undefined {
  const server = findProgram('redis-server')
  return server === undefined ? undefined : findProgram('redis-cli', [dirname(server)])
}
