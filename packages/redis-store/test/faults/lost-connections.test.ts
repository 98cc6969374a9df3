import { background, SessionManager } from '@scs/core'
import { RedisStore } from '@scs/redis-store'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  startUnreliableRelay,
  type UnreliableRelay,
} from '../../../drizzle-store/test/faults/unreliable-relay.ts'
import { sessionsOf } from '../../../drizzle-store/test/sessions-of.ts'
import { type Driver, ioredis, nodeRedis, nodeRedisPool } from '../drivers.ts'
import { redisUrl } from '../redis-url.ts'

const ctx = background()
let rooms = 0

/** Two server processes, in all but the process, on one Redis whose connections are cut. */
async function open(driver: Driver, oneIn: number) {
  const prefix = `lost ${driver.name} ${rooms++}:`
  const direct = await driver.open(redisUrl() ?? '')
  const store = new RedisStore(direct.client, { prefix })
  const relays: UnreliableRelay[] = []
  const managers: SessionManager[] = []
  const closing: (() => Promise<void>)[] = [direct.close]
  const errors: unknown[] = []
  for (let i = 0; i < 2; i++) {
    const relay = await startUnreliableRelay(new URL(redisUrl() ?? ''), oneIn)
    const { client, close } = await driver.open(relay.address)
    relays.push(relay)
    closing.push(close, relay.close)
    const onError = (error: unknown) => errors.push(error)
    const unreliable = new RedisStore(client, { prefix })
    managers.push(new SessionManager({ store: unreliable, onError, storeTimeout: 10_000 }))
  }
  onTestFinished(async () => {
    for (const close of closing) await close()
  })
  return {
    managers,
    errors,
    losses: () =>
      (['of the request', 'of the answer', 'of the client'] as const).map((kind) =>
        relays.reduce((sum, { losses }) => sum + (losses.get(kind) ?? 0), 0),
      ),
    calm: () => Promise.all(relays.map((relay) => relay.calm())),
    /** Over a connection that is not cut. */
    reliable: new SessionManager({ store }),
    store,
  }
}

const increment = (n: unknown) => ((n as number | undefined) ?? 0) + 1

describe.skipIf(redisUrl() === undefined)('connections that are cut', () => {
  for (const driver of [nodeRedis, nodeRedisPool, ioredis]) {
    for (const keyed of [true, false]) {
      const what = keyed ? 'with a key of its own' : 'the same as all others'
      it(`${driver.name}: an acknowledged update, ${what}, is there once; another at most once`, async () => {
        const { managers, reliable, losses, calm, errors } = await open(driver, 12)
        const made = await reliable.load(ctx, '')
        reliable.put(made, 'n', 0)
        const token = (await reliable.commit(made))?.token

        const acknowledged: string[] = []
        let failed = 0
        let sent = 0
        async function send(manager: SessionManager): Promise<void> {
          while (sent < 600) {
            const key = `by-${sent++}`
            try {
              const session = await manager.load(ctx, token)
              manager.update(session, 'n', increment)
              if (keyed) manager.put(session, key, true)
              await manager.commit(session)
              acknowledged.push(key)
            } catch (error) {
              expect(String(error)).toMatch(/RedisStore could not/)
              failed++
            }
          }
        }
        await Promise.all(managers.flatMap((m) => [send(m), send(m), send(m)]))
        await calm()

        const session = await reliable.load(ctx, token)
        const count = reliable.get(session, 'n') as number
        const keys = reliable.keys(session).filter((key) => key !== 'n')
        expect(count).toBeGreaterThanOrEqual(acknowledged.length)
        expect(count).toBeLessThanOrEqual(acknowledged.length + failed)
        if (keyed) {
          expect(keys).toEqual(expect.arrayContaining(acknowledged))
          expect(keys).toHaveLength(count)
        }
        for (const times of losses()) expect(times).toBeGreaterThan(0)
        expect(errors).toEqual([])
      })
    }

    it(`${driver.name}: a session that is renewed is under one token, and under the new one when that was acknowledged`, async () => {
      const { managers, reliable, store, losses, calm } = await open(driver, 10)
      const chains = await Promise.all(
        Array.from({ length: 6 }, async (_, i) => {
          const manager = managers[i % 2] ?? reliable
          const start = async () => {
            const made = await reliable.load(ctx, '')
            reliable.put(made, 'n', 0)
            return (await reliable.commit(made))?.token ?? ''
          }
          let current = await start()
          const former: string[] = []
          const ends: string[][] = []
          for (let n = 0; n < 60; n++) {
            let next = ''
            try {
              const session = await manager.load(ctx, current)
              await manager.renewToken(session)
              next = manager.token(session)
              manager.update(session, 'n', increment)
              await manager.commit(session)
              former.push(current)
              current = next
            } catch {
              // Not known: one of both. The client goes on with another session.
              if (next === '') continue
              ends.push([current, next])
              current = await start()
            }
          }
          return { current, former, ends }
        }),
      )
      await calm()
      const live = await sessionsOf(store)
      for (const { current, former, ends } of chains) {
        expect(live.has(current)).toBe(true)
        for (const token of former) expect(live.has(token)).toBe(false)
        for (const tokens of ends) expect(tokens.filter((t) => live.has(t))).toHaveLength(1)
      }
      for (const times of losses()) expect(times).toBeGreaterThan(0)
    })
  }
})
