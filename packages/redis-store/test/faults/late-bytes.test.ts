import { RedisStore } from '@scs/redis-store'
import { describe, onTestFinished } from 'vitest'
import { startHoldingRelay } from '../../../drizzle-store/test/faults/holding-relay.ts'
import { type LateWorld, testLateBytes } from '../../../drizzle-store/test/faults/late-bytes.ts'
import {
  type Driver,
  ioredis,
  ioredisAutoPipelining,
  nodeRedis,
  nodeRedisPool,
} from '../drivers.ts'
import { redisUrl } from '../redis-url.ts'

let rooms = 0

async function open(driver: Driver): Promise<LateWorld> {
  const prefix = `late ${driver.name} ${rooms++}:`
  const address = redisUrl() ?? ''
  const direct = await driver.open(address)
  const relay = await startHoldingRelay(new URL(address))
  const { client, close } = await driver.open(relay.address)
  onTestFinished(async () => {
    await close()
    await relay.close()
    await direct.close()
  })
  return {
    store: new RedisStore(client, { prefix }),
    relay,
    reliable: new RedisStore(direct.client, { prefix }),
  }
}

const resending: readonly Driver[] = [ioredis, ioredisAutoPipelining]

for (const driver of [nodeRedis, nodeRedisPool, ...resending]) {
  describe.skipIf(redisUrl() === undefined)(`${driver.name}, bytes that arrive late`, () => {
    testLateBytes(() => open(driver), { reconnects: true, resends: resending.includes(driver) })
  })
}
