import { describe, it, onTestFinished } from 'vitest'
import {
  clusterRecipe,
  type RedisCluster,
  startRedisCluster,
} from '../../../../test/servers/redis-cluster.ts'
import { interruption } from '../../../drizzle-store/test/faults/interruption.ts'
import {
  type ServerProcess,
  startServerProcess,
} from '../../../drizzle-store/test/faults/server-process.ts'
import { expectErrorResponse, UpdatedSession } from '../../../drizzle-store/test/faults/updates.ts'
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

async function startProcesses(driver: string, address: string) {
  const start = () => startServerProcess(driver, address, program)
  const processes = await Promise.all([start(), start(), start(), start()])
  onTestFinished(async () => {
    await Promise.all(processes.map((process) => process.close()))
  })
  return processes
}

const since = (start: number) => Math.round(performance.now() - start)

describe.skipIf(!canStartRedis())('a Redis that is killed, and has its file of all writes', () => {
  for (const driver of [nodeRedis, nodeRedisPool, ioredis]) {
    it(`${driver.name}: no acknowledged update is lost, none counted twice, each answered; then all goes on`, {
      timeout: 120_000,
    }, async ({ annotate }) => {
      const server = await startRedis(...durable)
      onTestFinished(() => server.stop())
      const processes = await startProcesses(driver.name, server.url)
      const probe = await UpdatedSession.start(processes[0], true)
      await updateThroughOutages(processes, async (cookie) => {
        const start = performance.now()
        await server.kill()
        // Everything is an error now, never "no session".
        for (const process of processes) {
          for (const path of ['/read', '/add?by=nobody']) {
            expectErrorResponse(await process.get(path, cookie))
          }
        }
        await server.restart()
        const away = since(start)
        const whole = await interruption(processes, probe, start)
        await annotate(`${whole} ms without an answer; Redis was away for ${away}`)
      })
      await probe.check(processes[0])
    })
  }
})

describe.skipIf(clusterRecipe() === undefined)('a master of a cluster that is killed', () => {
  async function withProcesses(driver: string) {
    const cluster = await startRedisCluster()
    onTestFinished(() => cluster.stop())
    return { cluster, processes: await startProcesses(driver, cluster.urls.join(' ')) }
  }

  const masterOf = (cluster: RedisCluster, cookie: string) =>
    cluster.masterOf(`scs:session:${cookie.replace('session=', '')}`)

  /** A session on that master. */
  async function sessionOn(cluster: RedisCluster, master: number, by: ServerProcess) {
    for (;;) {
      const session = await UpdatedSession.start(by, true)
      if ((await masterOf(cluster, session.cookie)) === master) return session
    }
  }

  it(`${nodeRedisClusterWithReplicas.name}: no acknowledged update is lost, none counted twice, each answered; then all goes on`, {
    timeout: 240_000,
  }, async ({ annotate }) => {
    const { cluster, processes } = await withProcesses(nodeRedisClusterWithReplicas.name)
    await updateThroughOutages(processes, async (cookie) => {
      const victim = await masterOf(cluster, cookie)
      const probe = await sessionOn(cluster, victim, processes[0])
      const start = performance.now()
      await cluster.kill(victim)
      const whole = interruption(processes, probe, start)
      await cluster.takenOver(victim)
      const known = since(start)
      // Until there are two again, nothing is acknowledged.
      await cluster.restart(victim)
      const away = since(start)
      await annotate(
        `${await whole} ms without an answer; every server knew the new master after ${known}, which had a replica after ${away}`,
      )
      await probe.check(processes[0])
    })
  })

  // Without WAIT, Redis acknowledges what a replica may not have: also where a master that was only slow is replaced.
  for (const { name } of clusterDrivers) {
    it(`${name}: no update is counted twice, each answered; then all goes on`, {
      timeout: 240_000,
    }, async ({ annotate }) => {
      const { cluster, processes } = await withProcesses(name)
      const outage = async (cookie: string) => {
        const victim = await masterOf(cluster, cookie)
        const probe = await sessionOn(cluster, victim, processes[0])
        const start = performance.now()
        await cluster.kill(victim)
        const whole = interruption(processes, probe, start)
        await cluster.takenOver(victim)
        const known = since(start)
        await annotate(
          `${await whole} ms without an answer; every server knew the new master after ${known}`,
        )
        await cluster.restart(victim)
        await probe.check(processes[0], true)
      }
      await updateThroughOutages(processes, outage, { mayLose: true })
    })
  }
})
