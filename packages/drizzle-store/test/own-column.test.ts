import { background, hour, SessionManager } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { isAvailable, openNew, select } from './databases.ts'
import { oneOfEach } from './drivers.ts'

const empty = background()

/** A database with a column of the application's, and what an application does with it. */
async function openApplication(driver: (typeof oneOfEach)[number], hashTokenInStore: boolean) {
  const { db, run, close } = await openNew(driver)
  await DrizzleStore.create(db, { cleanupInterval: 0 })
  await run(sql`alter table sessions add column user_id integer`)
  const store = await DrizzleStore.create(db, { cleanupInterval: 0, createTable: false })
  const manager = new SessionManager<{ userId: number; seen: number }>({
    ...{ store, hashTokenInStore, idleTimeout: hour, touchInterval: 0 },
  })
  return {
    manager,
    close,
    load: (token?: string) => manager.load(empty, token),
    users: async () =>
      (await select(db, { id: sql`user_id` }, sql`sessions order by 1`)).map(({ id }) => id),
    own: (storeToken: string, userId: number) =>
      run(sql`update sessions set user_id = ${userId} where token = ${storeToken}`),
    signOutEverywhere: (userId: number) => run(sql`delete from sessions where user_id = ${userId}`),
    async signIn(userId: number, from?: string) {
      const ctx = await manager.load(empty, from)
      await manager.renewToken(ctx)
      manager.put(ctx, 'userId', userId)
      const committed = await manager.commit(ctx)
      await this.own(committed?.storeToken ?? '', userId)
      return manager.token(ctx)
    },
  }
}

for (const driver of oneOfEach) {
  describe.skipIf(!isAvailable(driver)).each([false, true])(
    `${driver.name}, hashTokenInStore: %s`,
    (hashTokenInStore) => {
      it('a column filled by storeToken signs a user out everywhere, and nobody else', async () => {
        const app = await openApplication(driver, hashTokenInStore)
        const { manager } = app
        try {
          const ada = [await app.signIn(1), await app.signIn(1)]
          const anonymous = await app.load()
          manager.put(anonymous, 'seen', 1)
          await manager.commit(anonymous)
          const charles = await app.signIn(2, manager.token(anonymous))
          expect(await app.users()).toEqual([1, 1, 2])

          await app.signOutEverywhere(1)
          for (const token of ada) {
            expect(manager.exists(await app.load(token), 'userId')).toBe(false)
          }
          expect(manager.get(await app.load(charles), 'userId')).toBe(2)
        } finally {
          await app.close()
        }
      })

      it('the column stays when the session is read, changed and renewed', async () => {
        const app = await openApplication(driver, hashTokenInStore)
        const { manager } = app
        try {
          const token = await app.signIn(1)
          await manager.commit(await app.load(token))
          const ctx = await app.load(token)
          manager.put(ctx, 'seen', 2)
          await manager.commit(ctx)
          await manager.renewToken(ctx)
          // The row has not moved yet.
          await app.own(manager.storeToken(ctx), 3)
          await manager.commit(ctx)
          expect(await app.users()).toEqual([3])
          await app.own(manager.storeToken(ctx), 4)
          expect(await app.users()).toEqual([4])
          await app.signOutEverywhere(4)
          expect(manager.keys(await app.load(manager.token(ctx)))).toEqual([])
        } finally {
          await app.close()
        }
      })
    },
  )
}
