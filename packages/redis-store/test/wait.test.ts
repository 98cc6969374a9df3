import { background } from '@scs/core'
import { type NodeRedisClient, RedisStore } from '@scs/redis-store'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { nodeRedis } from './drivers.ts'
import { canStartRedis, startRedis } from './own-redis.ts'

const ctx = background()
const future = new Date('2100-01-01')

// The one of the README.
function withReplica(client: NodeRedisClient): NodeRedisClient {
  return {
    async sendCommand(args, options) {
      const answer = client.sendCommand(args, options)
      const [, replicas] = await Promise.all([answer, client.sendCommand(['WAIT', '1', '500'])])
      if (Number(replicas) < 1) throw new Error('no replica has the last write')
      return answer
    },
  }
}

describe.skipIf(!canStartRedis())('a client that waits for a replica', () => {
  it('acknowledges what the replica has, and nothing else', async () => {
    const master = await startRedis()
    const replicaOf = ['--replicaof', `127.0.0.1 ${master.port}`, '--repl-diskless-sync-delay', '0']
    const replica = await startRedis(...replicaOf)
    const opened = await nodeRedis.open(master.url)
    const copy = await nodeRedis.open(replica.url)
    onTestFinished(async () => {
      await Promise.all([opened.close(), copy.close()])
      await Promise.all([master.stop(), replica.stop()])
    })
    const isSynced = async () =>
      String(await copy.run('INFO', 'replication')).includes('master_link_status:up')
    await vi.waitUntil(isSynced, { timeout: 50_000 })

    const store = new RedisStore(withReplica(opened.client as NodeRedisClient))
    for (let i = 0; i < 100; i++) {
      const data = Buffer.from(`data ${i}`)
      await store.commitCtx(ctx, 'a', data, future)
      expect(await copy.run('GET', 'scs:session:a')).toBe(`data ${i}`)
    }
    expect(await store.findCtx(ctx, 'a')).toEqual(Buffer.from('data 99'))

    await replica.kill()
    await expect(store.commitCtx(ctx, 'a', Buffer.from('alone'), future)).rejects.toThrow(
      'RedisStore could not commit a session: no replica has the last write',
    )
    // Nor is who reads by the same connection told of it.
    await expect(store.findCtx(ctx, 'a')).rejects.toThrow('no replica has the last write')

    await replica.restart()
    await vi.waitFor(() => store.findCtx(ctx, 'a'), { timeout: 50_000 })
    await store.commitCtx(ctx, 'a', Buffer.from('both'), future)
    await vi.waitUntil(isSynced, { timeout: 50_000 })
    expect(await copy.run('GET', 'scs:session:a')).toBe('both')
  })
})
