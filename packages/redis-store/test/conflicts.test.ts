import { background, type Context, SessionError, SessionManager } from '@scs/core'
import { RedisStore } from '@scs/redis-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  clusterRecipe,
  type RedisCluster,
  startRedisCluster,
} from '../../../test/servers/redis-cluster.ts'
import { ioredis, ioredisCluster, nodeRedis, nodeRedisCluster, type Opened } from './drivers.ts'
import { redisUrl } from './redis-url.ts'

const requests = 200
const logouts = 50

interface Values {
  count: number
  [key: `by-${number}`]: boolean
}

let cluster: RedisCluster | undefined
beforeAll(async () => {
  if (clusterRecipe()) cluster = await startRedisCluster()
}, 60_000)
afterAll(() => cluster?.stop())

const open = {
  'Redis, redis': () => nodeRedis.open(redisUrl() ?? ''),
  'Redis, ioredis': () => ioredis.open(redisUrl() ?? ''),
  'Redis Cluster, redis': () => nodeRedisCluster.open(cluster?.urls ?? []),
  'Redis Cluster, ioredis': () => ioredisCluster.open(cluster?.urls ?? []),
}

for (const [name, openClient] of Object.entries(open)) {
  const isMissing = name.includes('Cluster')
    ? clusterRecipe() === undefined
    : redisUrl() === undefined

  describe.skipIf(isMissing)(`${name}, four servers`, () => {
    let opened: Opened[] = []
    let managers: SessionManager<Values>[] = []
    const ctx = background()

    beforeAll(async () => {
      opened = await Promise.all(Array.from({ length: 4 }, openClient))
      managers = opened.map(({ client }) => {
        const store = new RedisStore(client, { prefix: 'conflicts:' })
        return new SessionManager({ store, onError: () => {} })
      })
    })
    afterAll(() => Promise.all(opened.map(({ close }) => close())))

    const manager = (index: number) => managers[index % managers.length] as SessionManager<Values>

    async function start(): Promise<string> {
      const session = await manager(0).load(ctx, '')
      manager(0).put(session, 'count', 0)
      return (await manager(0).commit(session))?.token ?? ''
    }
    // Every request has its session before any of them changes it.
    const loadAll = (token: string) =>
      Promise.all(Array.from({ length: requests }, (_, i) => manager(i).load(ctx, token)))

    it('200 requests that each put a key of their own lose none', async () => {
      const token = await start()
      const sessions = await loadAll(token)
      sessions.forEach((session, i) => {
        manager(i).put(session, `by-${i}`, true)
      })
      await Promise.all(sessions.map((session, i) => manager(i).commit(session)))
      const after = await manager(0).load(ctx, token)
      expect(manager(0).keys(after)).toHaveLength(requests + 1)
    })

    it('200 requests that each add one count to 200', async () => {
      const token = await start()
      const sessions = await loadAll(token)
      sessions.forEach((session, i) => {
        manager(i).update(session, 'count', (count) => (count ?? 0) + 1)
      })
      await Promise.all(sessions.map((session, i) => manager(i).commit(session)))
      const after = await manager(0).load(ctx, token)
      expect(manager(0).get(after, 'count')).toBe(requests)
    })

    it('50 logouts with another request in flight leave nobody logged in', async () => {
      const undone: number[] = []
      await Promise.all(
        Array.from({ length: logouts }, async (_, i) => {
          const token = await start()
          const [leaving, writing, renewing] = await Promise.all(
            [i, i + 1, i + 2].map((n) => manager(n).load(ctx, token)),
          )
          if (!leaving || !writing || !renewing) throw new Error('not loaded')
          manager(i + 1).put(writing, 'by-1', true)
          await manager(i + 2).renewToken(renewing)
          // For half of them, the others go on when the logout is over; for the rest, at once.
          const leave = manager(i).destroy(leaving)
          if (i % 2 === 0) await leave
          const others = [manager(i + 1).commit(writing), renewal(manager(i + 2), renewing)]
          const [, renewed] = await Promise.all(others)
          await leave
          // Who renewed it before the logout came has it under another token.
          const isBack = async (token: string) => {
            const session = await manager(i).load(ctx, token)
            return manager(i).exists(session, 'count')
          }
          if (await isBack(token)) undone.push(i)
          if (i % 2 === 0 && renewed) undone.push(i)
        }),
      )
      expect(undone).toEqual([])
    })

    it('50 sessions that four servers renew at once are renewed once each', async () => {
      const store = new RedisStore(opened[0]?.client as never, { prefix: 'conflicts:' })
      for (let i = 0; i < logouts; i++) {
        const token = await start()
        const sessions = await Promise.all(managers.map((each) => each.load(ctx, token)))
        for (const [n, session] of sessions.entries()) await manager(n).renewToken(session)
        const renewed = sessions.map((session, n) => manager(n).token(session))
        const outcomes = await Promise.all(sessions.map((each, n) => renewal(manager(n), each)))
        const won = renewed.filter((_, n) => outcomes[n])
        const living = await Promise.all(
          [token, ...renewed].map((each) => store.findCtx(ctx, each)),
        )
        expect(won).toHaveLength(1)
        expect([token, ...renewed].filter((_, n) => living[n])).toEqual(won)
      }
    })
  })
}

/** What a renewal has committed; `undefined` when the session was gone. */
function renewal(manager: SessionManager<Values>, session: Context): Promise<unknown> {
  return manager.commit(session).catch((error: unknown) => {
    if (error instanceof SessionError && error.code === 'ERR_SESSION_REVOKED') return undefined
    throw error
  })
}
