import { background } from '@scs/core'
import { type NodeRedisCluster, RedisStore } from '@scs/redis-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  clusterRecipe,
  type RedisCluster,
  startRedisCluster,
} from '../../../../test/servers/redis-cluster.ts'
import { sessionsOf } from '../../../drizzle-store/test/sessions-of.ts'
import * as scripts from '../../src/scripts.ts'
import { nodeRedisCluster, type Opened } from '../drivers.ts'

const ctx = background()
const future = new Date('2100-01-01')
const row = (token: string) => ({ token, data: Buffer.from(`data of ${token}`) })
const to = (token: string) => ({ token, data: Buffer.from('swapped'), expiry: future })
const untagged = 'scs:session:'
const tagged = '{scs}:session:'

describe.skipIf(clusterRecipe() === undefined)('a swap that absorbs, on a cluster', () => {
  let cluster: RedisCluster
  let opened: Opened

  beforeAll(async () => {
    cluster = await startRedisCluster()
    opened = await nodeRedisCluster.open(cluster.urls)
  }, 60_000)
  afterAll(async () => {
    await opened?.close()
    await cluster?.stop()
  })

  /**
   * A store with the sessions a, b and c; `before` is called before each command, with the name of
   * its script.
   */
  async function open(prefix: string, before: (name: string, store: RedisStore) => unknown) {
    const client = opened.client as NodeRedisCluster
    const store = new RedisStore(client, { prefix })
    const watched = new RedisStore(
      {
        masters: client.masters,
        nodeClient: (node) => client.nodeClient(node),
        async sendCommand(...command: Parameters<NodeRedisCluster['sendCommand']>) {
          await before(nameOf(command[2]), store)
          return client.sendCommand(...command)
        },
      },
      { prefix },
    )
    for (const token of (await sessionsOf(store)).keys()) await store.deleteCtx(ctx, token)
    for (const token of ['a', 'b', 'c']) await store.commitCtx(ctx, token, row(token).data, future)
    return { store, watched }
  }

  const tokensOf = async (store: RedisStore) => [...(await sessionsOf(store)).keys()].sort()
  const absorbed = [row('b'), row('c')]

  it('deletes the absorbed sessions first, and puts none back when the session was changed meanwhile', async () => {
    for (const from of [row('a'), undefined]) {
      const { store, watched } = await open(untagged, async (name, others) => {
        if (name === 'deleteHeld') await others.commitCtx(ctx, 'a', Buffer.from('other'), future)
      })
      const swap = { from, to: to('a'), absorbed }
      if (!from) await store.deleteCtx(ctx, 'a')
      expect(await watched.swap(ctx, swap)).toBe(false)
      expect(await tokensOf(store)).toEqual(['a'])
      expect(await store.findCtx(ctx, 'a')).toEqual(Buffer.from('other'))
    }
  })

  it('rejects when a server fails after they were deleted, and leaves the session as it was', async () => {
    const { store, watched } = await open(untagged, (name) => {
      if (name === 'swap') throw new Error('Socket closed unexpectedly')
    })
    const swap = { from: row('a'), to: to('a'), absorbed }
    await expect(watched.swap(ctx, swap)).rejects.toThrow('could not swap a session: Socket closed')
    expect(await tokensOf(store)).toEqual(['a'])
    expect(await store.findCtx(ctx, 'a')).toEqual(row('a').data)
  })

  it('deletes no absorbed session that was changed meanwhile, and is false then', async () => {
    const { store, watched } = await open(untagged, async (name, others) => {
      if (name === 'deleteHeld') await others.commitCtx(ctx, 'b', Buffer.from('other'), future)
    })
    expect(await watched.swap(ctx, { from: row('a'), to: to('d'), absorbed })).toBe(false)
    expect(await tokensOf(store)).toEqual(['a', 'b', 'c'])
  })

  it('is one script when the prefix has a hash tag', async () => {
    const sent: string[] = []
    const { store, watched } = await open(tagged, (name) => sent.push(name))
    expect(await watched.swap(ctx, { from: row('a'), to: to('d'), absorbed })).toBe(true)
    expect(new Set(sent)).toEqual(new Set(['swap']))
    expect(await tokensOf(store)).toEqual(['d'])
  })
})

// Of a script its name, also when its text is sent; of another command the command.
function nameOf([command, program]: readonly unknown[]): string {
  const named = Object.entries(scripts).find(
    ([, { sha, lua }]) => sha === program || lua === program,
  )
  return named?.[0] ?? String(command)
}
