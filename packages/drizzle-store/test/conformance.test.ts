import { DrizzleStore } from '@scs/drizzle-store'
import { type StoreTarget, testStore } from '@scs/store-tests'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { isAvailable, openNew, select } from './databases.ts'
import { type Driver, drivers, type Opened } from './drivers.ts'

for (const driver of drivers) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    let opened: Opened
    let target: StoreTarget

    beforeAll(async () => {
      opened = await openNew(driver)
      target = await withExtras(driver, opened)
    }, 60_000)
    afterAll(() => opened?.close())

    testStore({ describe, it }, 'keeps the promises of a store', () => target)
  })
}

// The user's column and the user's table, in the database that the store has made.
async function withExtras(driver: Driver, { db, run }: Opened): Promise<StoreTarget> {
  const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
  const tokenType =
    driver.dialect === 'mysql' ? 'char(43) character set ascii collate ascii_bin' : 'text'
  await run(sql`alter table sessions add column user_id integer`)
  await run(sql`create table notes (token ${sql.raw(tokenType)} not null, note text,
    foreign key (token) references sessions (token) on delete cascade on update cascade)`)
  return {
    store,
    extras: {
      async write(token) {
        await run(sql`update sessions set user_id = 42 where token = ${token}`)
        await run(sql`insert into notes values (${token}, 'kept')`)
      },
      read: (token) =>
        select(
          db,
          { userId: sql`s.user_id`, note: sql`n.note` },
          sql`sessions s join notes n on n.token = s.token where s.token = ${token}`,
        ),
    },
  }
}
