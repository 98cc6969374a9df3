import { RedisStore } from '@scs/redis-store'
import { testStore } from '@scs/store-tests'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { drivers, type Opened } from './drivers.ts'
import { redisUrl } from './redis-url.ts'

describe.skipIf(redisUrl() === undefined)('a single Redis', () => {
  for (const driver of drivers) {
    describe(driver.name, () => {
      let opened: Opened
      let store: RedisStore

      beforeAll(async () => {
        opened = await driver.open(redisUrl() ?? '')
        store = new RedisStore(opened.client, { prefix: `${driver.name}:` })
      })
      afterAll(() => opened?.close())

      testStore({ describe, it }, 'keeps the promises of a store', () => store, {
        without: ['all', 'extras'],
      })
    })
  }
})
