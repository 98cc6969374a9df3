import { describe, it, onTestFinished, vi } from 'vitest'
import {
  clusterRecipe,
  type RedisCluster,
  startRedisCluster,
} from '../../../../test/servers/redis-cluster.ts'
import {
  type ServerProcess,
  startServerProcess,
} from '../../../drizzle-store/test/faults/server-process.ts'
import { expectErrorResponse } from '../../../drizzle-store/test/faults/updates.ts'
import { updateThroughOutages } from '../../../drizzle-store/test/faults/updates-through-outages.ts'
import {
  clusterDrivers,
  ioredis,
  nodeRedis,
  nodeRedisClusterWithReplicas,
  nodeRedisPool,
} from '../drivers.ts'
import { canStartRedis, durable, startRedis } from '../own-redis.ts'

const program = new URL('session-server.ts', import.meta.url)

async function startProcesses(driver: string, address: string): Promise<ServerProcess[]> {
  const processes = await Promise.all(
    Array.from({ length: 4 }, () => startServerProcess(driver, address, program)),
  )
  onTestFinished(async () => {
    await Promise.all(processes.map((process) => process.close()))
  })
  return processes
}

// Every process has a connection again, without having been restarted.
async function served(processes: readonly ServerProcess[], cookie: string): Promise<void> {
  for (const process of processes) {
    const isServed = async () => (await process.get('/read', cookie)).status === 200
    await vi.waitUntil(isServed, { timeout: 30_000 })
  }
}

describe.skipIf(!canStartRedis())('a Redis that is killed, and has its file of all writes', () => {
  for (const driver of [nodeRedis, nodeRedisPool, ioredis]) {
    it(`${driver.name}: no acknowledged update is lost, none counted twice, each answered; then all goes on`, {
      timeout: 120_000,
    }, async () => {
      const server = await startRedis(...durable)
      onTestFinished(() => server.stop())
      const processes = await startProcesses(driver.name, server.url)
      await updateThroughOutages(processes, async (cookie) => {
        await server.kill()
        // Everything is an error now, never "no session".
        for (const process of processes) {
          for (const path of ['/read', '/add?by=nobody']) {
            expectErrorResponse(await process.get(path, cookie))
          }
        }
        await server.restart()
        await served(processes, cookie)
      })
    })
  }
})

describe.skipIf(clusterRecipe() === undefined)('a master of a cluster that is killed', () => {
  async function withProcesses(driver: string): Promise<[RedisCluster, ServerProcess[]]> {
    const cluster = await startRedisCluster()
    onTestFinished(() => cluster.stop())
    return [cluster, await startProcesses(driver, cluster.urls.join(' '))]
  }

  const masterOf = (cluster: RedisCluster, cookie: string) =>
    cluster.masterOf(`scs:session:${cookie.replace('session=', '')}`)

  it(`${nodeRedisClusterWithReplicas.name}: no acknowledged update is lost, none counted twice, each answered; then all goes on`, {
    timeout: 240_000,
  }, async () => {
    const [cluster, processes] = await withProcesses(nodeRedisClusterWithReplicas.name)
    await updateThroughOutages(processes, async (cookie) => {
      const victim = await masterOf(cluster, cookie)
      await cluster.failOver(victim)
      // Until there are two again, nothing is acknowledged.
      await cluster.restart(victim)
      await served(processes, cookie)
    })
  })

  // Without WAIT, Redis acknowledges what a replica may not have: also where a master that was only slow is replaced.
  for (const { name } of clusterDrivers) {
    it(`${name}: no update is counted twice, each answered; then all goes on`, {
      timeout: 240_000,
    }, async () => {
      const [cluster, processes] = await withProcesses(name)
      const outage = async (cookie: string) => {
        const victim = await masterOf(cluster, cookie)
        await cluster.failOver(victim)
        await served(processes, cookie)
        await cluster.restart(victim)
      }
      await updateThroughOutages(processes, outage, { mayLose: true })
    })
  }
})
