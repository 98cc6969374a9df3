import { type StoreTarget, testStore } from '@scs/store-tests'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { isAvailable, openNew } from './databases.ts'
import { drivers, type Opened } from './drivers.ts'
import { withExtras } from './with-extras.ts'

for (const driver of drivers) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    let opened: Opened
    let target: StoreTarget

    beforeAll(async () => {
      opened = await openNew(driver)
      target = await withExtras(driver, opened)
    }, 60_000)
    afterAll(() => opened?.close())

    testStore({ describe, it }, 'keeps the promises of a store', () => target, { without: ['all'] })
  })
}
