import { background } from '@scs/core'
import { type NodeRedisCluster, RedisStore } from '@scs/redis-store'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  clusterRecipe,
  type RedisCluster,
  startRedisCluster,
} from '../../../../test/servers/redis-cluster.ts'
import { sessionsOf } from '../../../drizzle-store/test/sessions-of.ts'
import { clusterDrivers, ioredis, nodeRedis, nodeRedisCluster, type Opened } from '../drivers.ts'
import { canStartRedis, durable, startRedis } from '../own-redis.ts'

const ctx = background()
const future = new Date('2100-01-01')
// Several pages on each of three servers.
const tokens = Array.from({ length: 1500 }, (_, i) => `t${i}`)

const fill = (store: RedisStore) =>
  Promise.all(tokens.map((token) => store.commitCtx(ctx, token, Buffer.from('data'), future)))

/** Iterates, and does `meanwhile` after the first session; all that it saw, or its error. */
async function iterated(store: RedisStore, meanwhile: (first: string) => Promise<void>) {
  const seen = new Set<string>()
  try {
    for await (const [token] of store.scan(ctx)) {
      if (seen.size === 0) await meanwhile(token)
      seen.add(token)
    }
    return seen
  } catch (error) {
    return error
  }
}

describe.skipIf(!canStartRedis())('iterating a Redis that is restarted meanwhile', () => {
  for (const { name, open } of [nodeRedis, ioredis]) {
    it(`${name}: is an error`, async () => {
      const server = await startRedis(...durable)
      const opened = await open(server.url)
      onTestFinished(async () => {
        await opened.close()
        await server.stop()
      })
      const store = new RedisStore(opened.client)
      await fill(store)
      const outcome = await iterated(store, async () => {
        await server.kill()
        await server.restart()
        await vi.waitFor(() => store.findCtx(ctx, 't0'), { timeout: 50_000 })
      })
      expect(outcome).toEqual(
        new Error(
          'RedisStore could not read the sessions: a server was replaced or restarted meanwhile, or gave slots away',
        ),
      )
      expect((await sessionsOf(store)).size).toBe(tokens.length)
    })
  }
})

describe('iterating a cluster that cannot be reached', () => {
  const nowhere = 'redis://127.0.0.1:1'

  it('redis, never connected, and when that has failed: is an error', async () => {
    const { createCluster } = await import('redis')
    const client = createCluster({ rootNodes: [{ url: nowhere }] })
    client.on('error', () => {})
    const store = new RedisStore(client)
    await expect(sessionsOf(store)).rejects.toThrow(/serve 0 of 16384 slots/)
    await expect(client.connect()).rejects.toThrow()
    await expect(sessionsOf(store)).rejects.toThrow('RedisStore could not read the sessions')
  })

  it('ioredis: is an error', async () => {
    const { Cluster } = await import('ioredis')
    const client = new Cluster([nowhere], { lazyConnect: true, clusterRetryStrategy: () => null })
    client.on('error', () => {})
    const all = sessionsOf(new RedisStore(client))
    await expect(all).rejects.toThrow('RedisStore could not read the sessions')
  })
})

describe.skipIf(clusterRecipe() === undefined)('iterating a cluster', () => {
  let cluster: RedisCluster
  let opened: Opened
  let store: RedisStore

  beforeAll(async () => {
    cluster = await startRedisCluster()
    opened = await nodeRedisCluster.open(cluster.urls)
    store = new RedisStore(opened.client)
    await fill(store)
  }, 60_000)
  afterAll(async () => {
    await opened?.close()
    await cluster?.stop()
  })

  async function masterOtherThan(port: number): Promise<number> {
    for (const token of tokens) {
      const other = await cluster.masterOf(`scs:session:${token}`)
      if (other !== port) return other
    }
    throw new Error('there is one master only')
  }

  it('through a client that does not know a server of each slot is an error', async () => {
    const client = opened.client as NodeRedisCluster
    const store = new RedisStore({
      masters: client.masters.slice(1),
      nodeClient: (node) => client.nodeClient(node),
      sendCommand: (...command: Parameters<NodeRedisCluster['sendCommand']>) =>
        client.sendCommand(...command),
    })
    await expect(sessionsOf(store)).rejects.toThrow(
      /^RedisStore could not read the sessions: the servers that the client knows of serve \d+ of 16384 slots/,
    )
  })

  it('ioredis: through a client that connects when it is used gives every session', async () => {
    const { Cluster } = await import('ioredis')
    const client = new Cluster([...cluster.urls], { lazyConnect: true })
    onTestFinished(() => client.disconnect())
    expect((await sessionsOf(new RedisStore(client))).size).toBe(tokens.length)
  })

  it('whose slots are on their way to another server is an error', async () => {
    const from = await cluster.masterOf('scs:session:t0')
    const slot = await cluster.ask(from, 'cluster', 'keyslot', 'scs:session:t0')
    const to = await masterOtherThan(from)
    const id = await cluster.ask(to, 'cluster', 'myid')
    await cluster.ask(from, 'cluster', 'setslot', slot, 'migrating', id)
    await expect(sessionsOf(store)).rejects.toThrow(
      'slots are on their way from one server to another',
    )
    await cluster.ask(from, 'cluster', 'setslot', slot, 'stable')
    expect((await sessionsOf(store)).size).toBe(tokens.length)
  })

  for (const { name, open } of clusterDrivers) {
    it(`${name}: one of whose masters is killed meanwhile gives every session, or is an error`, {
      timeout: 120_000,
    }, async () => {
      const own = await open(cluster.urls)
      onTestFinished(() => own.close())
      const ownStore = new RedisStore(own.client)
      // One that is being walked through, and one that is not yet.
      for (const isCurrent of [true, false]) {
        let victim = 0
        const outcome = await iterated(ownStore, async (first) => {
          const current = await cluster.masterOf(`scs:session:${first}`)
          victim = isCurrent ? current : await masterOtherThan(current)
          await cluster.failOver(victim)
        })
        if (outcome instanceof Set) expect(outcome.size).toBe(tokens.length)
        else expect(String(outcome)).toMatch(/RedisStore could not read the sessions/)
        await cluster.restart(victim)
        const all = () => sessionsOf(ownStore)
        const { size } = await vi.waitFor(all, { timeout: 60_000 })
        expect(size).toBe(tokens.length)
      }
    })
  }
})
