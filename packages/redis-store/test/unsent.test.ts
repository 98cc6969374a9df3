import { createHook } from 'node:async_hooks'
import { background } from '@scs/core'
import { RedisStore } from '@scs/redis-store'
import { createClient } from 'redis'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { over } from '../../../test/swaps.ts'
import { canStartRedis, startRedis } from './own-redis.ts'

const ctx = background()
const future = new Date('2100-01-01')
const token = 'x'.repeat(43)
const patience = 100

async function open() {
  const server = await startRedis()
  const client = createClient({ url: server.url, commandOptions: { timeout: patience } })
  client.on('error', () => {})
  await client.connect()
  onTestFinished(async () => {
    client.destroy()
    await server.stop()
  })
  return { server, client, store: new RedisStore(client) }
}

describe.skipIf(!canStartRedis())('a command of a client that has a time limit for them', () => {
  it('makes no timer while there is a connection', async () => {
    const { store } = await open()
    let timers = 0
    const hook = createHook({
      init(_id, type) {
        if (type === 'Timeout') timers++
      },
    }).enable()
    for (let calls = 0; calls < 10; calls++) {
      await store.commitCtx(ctx, token, Buffer.from('data'), future)
      await store.findCtx(background(), token)
      await store.swap(background(), over(token, Buffer.from('data'), Buffer.from('more'), future))
    }
    hook.disable()
    expect(timers).toBe(0)
  })

  it('is given up after that time when there is none', async () => {
    const { server, client, store } = await open()
    await server.kill()
    await vi.waitUntil(() => !client.isReady, { timeout: 50_000 })
    await expect(store.findCtx(ctx, token)).rejects.toThrow(
      /^RedisStore could not find a session: ./,
    )
  })

  it('is given up after that time when many wait, and the server takes in no more', async () => {
    const { server, store } = await open()
    await server.freeze()
    const large = Buffer.alloc(1_000_000)
    let failures = 0
    const calls = Array.from({ length: 100 }, () =>
      store.commitCtx(ctx, token, large, future).catch(() => failures++),
    )
    // Those before them wait for the server itself.
    await vi.waitUntil(() => failures >= 36, { timeout: 50_000 })
    await server.thaw()
    await Promise.all(calls)
    expect(failures).toBe(36)
    expect(await store.findCtx(ctx, token)).toEqual(large)
  })
})
