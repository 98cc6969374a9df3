import {
  background,
  type Context,
  contextOf,
  hour,
  SessionManager,
  type SessionManagerOptions,
} from '@scs/core'
import { type NodeRedisClient, type NodeRedisCluster, RedisStore } from '@scs/redis-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  clusterRecipe,
  type RedisCluster,
  startRedisCluster,
} from '../../../test/servers/redis-cluster.ts'
import { Client } from '../../core/test/support/client.ts'
import { serve } from '../../core/test/support/servers.ts'
import * as scripts from '../src/scripts.ts'
import { nodeRedis, nodeRedisCluster, type Opened } from './drivers.ts'
import { redisUrl } from './redis-url.ts'

/** What a request does with its session. */
type Work = (manager: SessionManager, ctx: Context) => unknown

const read: Work = (manager, ctx) => manager.get(ctx, 'n')
const write: Work = (manager, ctx) => manager.put(ctx, 'n', 0)
const add: Work = (manager, ctx) => manager.update(ctx, 'n', (n) => Number(n ?? 0) + 1)
const destroy: Work = (manager, ctx) => manager.destroy(ctx)
const login: Work = async (manager, ctx) => {
  await manager.renewToken(ctx)
  manager.put(ctx, 'user', 'someone')
}

let commands = 0

/** The same client, whose commands are counted. */
function counted(client: NodeRedisClient): NodeRedisClient {
  return {
    sendCommand(...command) {
      commands++
      return client.sendCommand(...command)
    },
  }
}

function countedCluster(client: NodeRedisCluster): NodeRedisCluster {
  return {
    sendCommand(...command) {
      commands++
      return client.sendCommand(...command)
    },
    masters: client.masters,
    nodeClient: async (node) => counted(await client.nodeClient(node)),
  }
}

function tests(store: () => RedisStore, commandsOfLogin: number): void {
  /** A server, and a client that has a session there. */
  async function site(options: SessionManagerOptions = {}) {
    const manager = new SessionManager({ store: store(), ...options })
    let work = write
    const server = await serve(
      manager.loadAndSave(async (req, res) => {
        await work(manager, contextOf(req))
        res.end()
      }),
    )
    const client = new Client(server.url)
    await client.get('/')
    // The server knows every script.
    for (const next of [read, login, add]) {
      work = next
      await client.get('/')
    }
    return {
      token: client.cookies.get('session') ?? '',
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      /** The commands of `times` requests, sent at once, that each do `next`. */
      async count(next: Work, times = 1): Promise<number> {
        work = next
        const before = commands
        const sent = Array.from({ length: times }, () => client.get('/'))
        const answers = await Promise.all(sent)
        expect(answers.filter(({ status }) => status !== 200)).toEqual([])
        return commands - before
      },
    }
  }

  it('a request without a session sends no command, and one that begins a session 1', async () => {
    await using shop = await site()
    await shop.count(destroy)
    expect(await shop.count(read)).toBe(0)
    expect(await shop.count(write)).toBe(1)
  })

  it('a read sends 1', async () => {
    await using shop = await site()
    expect(await shop.count(read)).toBe(1)
  })

  it('a read with an idle timeout sends 1, or 2 when a touch is due', async () => {
    await using shop = await site({ idleTimeout: hour })
    expect(await shop.count(read)).toBe(1)
    await using eager = await site({ idleTimeout: hour, touchInterval: 0 })
    expect(await eager.count(read)).toBe(2)
  })

  it('a write sends 2, also with an idle timeout, and so does an update', async () => {
    await using shop = await site()
    expect([await shop.count(write), await shop.count(add)]).toEqual([2, 2])
    await using eager = await site({ idleTimeout: hour, touchInterval: 0 })
    expect([await eager.count(write), await eager.count(add)]).toEqual([2, 2])
  })

  it(`a login that renews the token sends ${commandsOfLogin}, and a logout 2`, async () => {
    await using shop = await site()
    expect([await shop.count(login), await shop.count(destroy)]).toEqual([commandsOfLogin, 2])
  })

  it('200 concurrent writes to one session send 2 each', async () => {
    await using shop = await site()
    await shop.count(write)
    expect(await shop.count(together(200), 200)).toBe(400)
    const manager = new SessionManager({ store: store() })
    const session = await manager.load(background(), shop.token)
    expect(manager.get(session, 'n')).toBe(200)
  })
}

/** Adds one in each of so many requests, when all of them have loaded the session. */
function together(count: number): Work {
  const { promise, resolve } = Promise.withResolvers<void>()
  let left = count
  return async (manager, ctx) => {
    if (--left === 0) resolve()
    await promise
    add(manager, ctx)
  }
}

describe.skipIf(redisUrl() === undefined)('commands on a single Redis, over HTTP', () => {
  let opened: Opened
  beforeAll(async () => {
    opened = await nodeRedis.open(redisUrl() ?? '')
  })
  afterAll(() => opened?.close())

  tests(() => new RedisStore(counted(opened.client as NodeRedisClient)), 2)
})

describe.skipIf(clusterRecipe() === undefined)('commands on Redis Cluster, over HTTP', () => {
  let cluster: RedisCluster
  let opened: Opened
  beforeAll(async () => {
    cluster = await startRedisCluster()
    opened = await nodeRedisCluster.open(cluster.urls)
    // A token may be on any of the servers: each knows every script.
    const client = opened.client as NodeRedisCluster
    for (const master of client.masters) {
      const server = await client.nodeClient(master as never)
      for (const { lua } of Object.values(scripts)) {
        await server.sendCommand(['SCRIPT', 'LOAD', lua])
      }
    }
  }, 60_000)
  afterAll(async () => {
    await opened?.close()
    await cluster?.stop()
  })

  tests(() => new RedisStore(countedCluster(opened.client as NodeRedisCluster)), 4)
})
