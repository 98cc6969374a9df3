import { background, type Swap } from '@scs/core'
import { type NodeRedisClient, RedisStore } from '@scs/redis-store'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sessionsOf } from '../../drizzle-store/test/sessions-of.ts'
import { type Lost, startCuttingRelay } from './cutting-relay.ts'
import { drivers, ioredis, nodeRedis } from './drivers.ts'
import { redisUrl } from './redis-url.ts'

const ctx = background()
const future = new Date('2100-01-01')
const row = (token: string) => ({ token, data: Buffer.from(`data of ${token}`) })
const to = (token: string) => ({ token, data: Buffer.from('swapped'), expiry: future })
let rooms = 0
const newPrefix = () => `swap ${rooms++}:`

async function commitAll(store: RedisStore, ...tokens: string[]): Promise<void> {
  for (const token of tokens) await store.commitCtx(ctx, token, row(token).data, future)
}

const tokensOf = async (store: RedisStore) => [...(await sessionsOf(store)).keys()].sort()

describe.skipIf(redisUrl() === undefined)('swap on a single Redis', () => {
  for (const driver of drivers) {
    it(`${driver.name}: a malformed token is no session, and none is written under one`, async () => {
      const { client, close } = await driver.open(redisUrl() ?? '')
      onTestFinished(close)
      const store = new RedisStore(client, { prefix: newPrefix() })
      await commitAll(store, 'a')
      const malformed = row('not a token')
      const swaps: readonly Swap[] = [
        { from: malformed, to: to('b'), absorbed: [] },
        { from: row('a'), to: to('b'), absorbed: [malformed] },
        { from: undefined, to: to('b'), absorbed: [malformed] },
      ]
      for (const swap of swaps) expect(await store.swap(ctx, swap)).toBe(false)
      for (const [wrong, message] of [
        [to('not a token'), 'token must be'],
        [{ ...to('b'), expiry: new Date(Number.NaN) }, 'expiry must be'],
      ] as const) {
        const swap = { from: row('a'), to: wrong, absorbed: [] }
        await expect(store.swap(ctx, swap)).rejects.toThrow(message)
      }
      expect(await tokensOf(store)).toEqual(['a'])
    })
  }

  it('is one command, whatever it does', async () => {
    const { client, close } = await nodeRedis.open(redisUrl() ?? '')
    onTestFinished(close)
    let commands = 0
    const counted: NodeRedisClient = {
      sendCommand(...command) {
        commands++
        return (client as NodeRedisClient).sendCommand(...command)
      },
    }
    const store = new RedisStore(counted, { prefix: newPrefix() })
    await commitAll(store, 'a', 'b', 'c', 'd')
    // So that the server knows the script.
    await store.swap(ctx, { from: row('none'), to: to('e'), absorbed: [] })
    commands = 0
    const absorbed = [row('b'), row('c')]
    expect(await store.swap(ctx, { from: row('a'), to: to('e'), absorbed })).toBe(true)
    expect(await store.swap(ctx, { from: row('a'), to: to('e'), absorbed })).toBe(false)
    expect(await store.swap(ctx, { from: undefined, to: to('d'), absorbed: [] })).toBe(false)
    expect(await store.swap(ctx, { from: undefined, to: to('f'), absorbed: [row('d')] })).toBe(true)
    expect(commands).toBe(4)
    expect(await tokensOf(store)).toEqual(['e', 'f'])
  })

  async function openCut(driver: typeof ioredis) {
    const relay = await startCuttingRelay(redisUrl() ?? '')
    const { client, close } = await driver.open(relay.url)
    const direct = await nodeRedis.open(redisUrl() ?? '')
    onTestFinished(async () => {
      await close()
      await direct.close()
      await relay.close()
    })
    const prefix = newPrefix()
    const reliable = new RedisStore(direct.client, { prefix })
    await commitAll(reliable, 'a', 'b')
    await reliable.swap(ctx, { from: row('none'), to: to('c'), absorbed: [] })
    return { relay, reliable, store: new RedisStore(client, { prefix }) }
  }

  const swaps: Readonly<Record<string, Swap>> = {
    'a swap of a session': { from: row('a'), to: to('a'), absorbed: [] },
    'a swap that moves and absorbs': { from: row('a'), to: to('c'), absorbed: [row('b')] },
    'a swap of a new session': { from: undefined, to: to('c'), absorbed: [] },
  }
  for (const driver of [nodeRedis, ioredis]) {
    for (const [what, swap] of Object.entries(swaps)) {
      for (const lost of ['command', 'answer'] satisfies Lost[]) {
        it(`${driver.name}: ${what} rejects when its ${lost} was lost with the connection`, async () => {
          const { relay, reliable, store } = await openCut(driver)
          relay.cut('EVALSHA', lost)
          const error = await store.swap(ctx, swap).catch((thrown: unknown) => thrown)
          expect(String(error)).toMatch(/^Error: RedisStore could not swap a session: /)
          expect(String(error)).not.toContain('data of')
          // ioredis has sent it again, and it was done once.
          const isDone = driver === ioredis || lost === 'answer'
          const data = (await reliable.findCtx(ctx, swap.to.token))?.toString()
          expect(data === 'swapped').toBe(isDone)
        })
      }
    }
  }
})
