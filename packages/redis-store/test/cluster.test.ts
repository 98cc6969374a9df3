import { background } from '@scs/core'
import { RedisStore } from '@scs/redis-store'
import { type StoreTarget, testStore } from '@scs/store-tests'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  clusterRecipe,
  type RedisCluster,
  startRedisCluster,
} from '../../../test/servers/redis-cluster.ts'
import { moved } from '../../../test/swaps.ts'
import { sessionsOf } from '../../drizzle-store/test/sessions-of.ts'
import { clusterDrivers, type Opened } from './drivers.ts'

const ctx = background()
const future = new Date('2100-01-01')

/** Fulfilled when every master serves again, as the store's client knows them. */
async function served(store: RedisStore): Promise<void> {
  for (const token of ['a', 'b', 'c', 'd', 'e', 'f']) {
    await vi.waitFor(() => store.commitCtx(ctx, token, Buffer.from('data'), future), {
      timeout: 50_000,
    })
    await store.deleteCtx(ctx, token)
  }
}

describe.skipIf(clusterRecipe() === undefined)(
  'Redis Cluster, three masters, three replicas',
  () => {
    let cluster: RedisCluster
    let killed = 0
    const opened = new Map<string, Opened>()
    const stores = new Map<string, RedisStore>()

    beforeAll(async () => {
      cluster = await startRedisCluster()
      for (const { name, open } of clusterDrivers) {
        const connection = await open(cluster.urls)
        opened.set(name, connection)
        stores.set(name, new RedisStore(connection.client, { prefix: `${name}:` }))
        const tagged = new RedisStore(connection.client, { prefix: `{${name}}:` })
        stores.set(`${name}, all in one slot`, tagged)
      }
    }, 60_000)
    afterAll(async () => {
      await Promise.all([...opened.values()].map(({ close }) => close()))
      await cluster?.stop()
    })
    const storeOf = (name: string): RedisStore => {
      const store = stores.get(name)
      if (store === undefined) throw new Error(`no store ${name}`)
      return store
    }

    // Without a hash tag, absorbed sessions are deleted first.
    const targetOf = (name: string): StoreTarget => {
      return { store: storeOf(name), absorbsInSteps: !name.endsWith('all in one slot') }
    }

    for (const { name } of clusterDrivers) {
      for (const which of [name, `${name}, all in one slot`]) {
        describe(which, () => {
          testStore({ describe, it }, 'keeps the promises of a store', () => targetOf(which), {
            without: ['all', 'extras'],
          })
        })
      }
    }

    it('takes an ioredis client with auto-pipelining', async () => {
      const { Cluster } = await import('ioredis')
      const client = new Cluster([...cluster.urls], {
        enableAutoPipelining: true,
        redisOptions: { enableAutoPipelining: true },
      })
      const store = new RedisStore(client, { prefix: 'pipelined:' })
      const data = Buffer.from('data')
      const tokens = Array.from({ length: 30 }, (_, i) => `t${i}`)
      await Promise.all(tokens.map((token) => store.commitCtx(ctx, token, data, future)))
      for (const done of await Promise.all(
        tokens.map((token) => store.swap(ctx, moved(token, `new-${token}`, data, data, future))),
      ))
        expect(done).toBe(true)
      expect([...(await sessionsOf(store)).keys()].sort()).toEqual(
        tokens.map((t) => `new-${t}`).sort(),
      )
      client.disconnect()
    })

    it('reads from masters, also through a client that reads from replicas', async () => {
      const { createCluster } = await import('redis')
      // A replica is not told of before it is known to have something.
      const client = await vi.waitFor(
        async () => {
          const rootNodes = cluster.urls.map((url) => ({ url }))
          const candidate = createCluster({ rootNodes, useReplicas: true })
          candidate.on('error', () => {})
          await candidate.connect()
          if (candidate.replicas.length === 3) return candidate
          await candidate.close()
          throw new Error('not all replicas are known')
        },
        { timeout: 50_000 },
      )
      const store = new RedisStore(client, { prefix: 'replicas:' })
      for (let i = 0; i < 50; i++) {
        await store.commitCtx(ctx, `t${i}`, Buffer.from('data'), future)
        expect(await store.findCtx(ctx, `t${i}`)).toBeDefined()
        expect(await store.findWithExpiry(background(), `t${i}`)).toBeDefined()
      }
      expect((await sessionsOf(store)).size).toBe(50)
      await client.close()
      const ports = cluster.urls.map((url) => Number(new URL(url).port))
      const roles = await Promise.all(ports.map((port) => cluster.ask(port, 'role')))
      const replicas = ports.filter((_, i) => roles[i]?.startsWith('slave'))
      expect(replicas).toHaveLength(3)
      for (const port of replicas) {
        const commands = await cluster.ask(port, 'info', 'commandstats')
        expect(commands).not.toMatch(/cmdstat_(?:get|evalsha|eval|scan)\b/)
      }
    })

    describe('when a master was killed, and its replica has taken over', () => {
      beforeAll(async () => {
        killed = await cluster.masterOf('a')
        await cluster.failOver(killed)
        expect(await cluster.masterOf('a')).not.toBe(killed)
        for (const store of stores.values()) await served(store)
      }, 60_000)

      for (const { name } of clusterDrivers) {
        describe(name, () => {
          testStore({ describe, it }, 'keeps the promises of a store', () => targetOf(name), {
            without: ['all', 'extras'],
          })
        })
      }
    })

    // Between two cases, as no store keeps a promise without its server.
    describe('when a master is killed half-way', () => {
      for (const { name } of clusterDrivers) {
        describe(name, () => {
          let begun = 0
          const atFailOver = async () => {
            if (++begun !== 30) return targetOf(name)
            killed = await cluster.masterOf('a')
            await cluster.failOver(killed)
            await served(storeOf(name))
            return targetOf(name)
          }
          beforeAll(async () => {
            if (killed !== 0) await cluster.restart(killed)
            killed = 0
          }, 60_000)

          testStore({ describe, it }, 'keeps the promises of a store', atFailOver, {
            without: ['all', 'extras'],
          })

          it('had its fail-over', () => expect(begun).toBeGreaterThan(30))
        })
      }
    })
  },
)
