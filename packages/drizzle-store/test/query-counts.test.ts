import {
  background,
  type Context,
  contextOf,
  hour,
  SessionManager,
  type SessionManagerOptions,
  type SessionStore,
} from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from '../../core/test/support/client.ts'
import { serve } from '../../core/test/support/servers.ts'
import { type CountedDatabase, countedDrivers } from './counted-drivers.ts'
import { createDatabase, isAvailable, type TestDatabase } from './databases.ts'

const ctx = background()

/** What a request does with its session. */
type Work = (manager: SessionManager, ctx: Context) => unknown

const read: Work = (manager, ctx) => manager.get(ctx, 'n')
const write: Work = (manager, ctx) => manager.put(ctx, 'n', 0)
const add: Work = (manager, ctx) => manager.update(ctx, 'n', (n) => Number(n ?? 0) + 1)
const destroy: Work = (manager, ctx) => manager.destroy(ctx)
const login: Work = async (manager, ctx) => {
  await manager.renewToken(ctx)
  manager.put(ctx, 'user', 'someone')
}

for (const { driver, open } of countedDrivers) {
  describe.skipIf(!isAvailable(driver))(`on ${driver.name}, over HTTP`, () => {
    let database: TestDatabase
    let opened: CountedDatabase
    let store: DrizzleStore
    let queries = 0

    beforeAll(async () => {
      database = await createDatabase(driver)
      opened = await open(database.address, () => queries++)
      store = await DrizzleStore.create(opened.db, { cleanupInterval: 0 })
    })

    afterAll(async () => {
      await opened?.close()
      await database?.drop()
    })

    /** A server, and a client that has a session there. */
    async function site(options: SessionManagerOptions = {}) {
      const manager = new SessionManager({ store, ...options })
      let work = write
      const server = await serve(
        manager.loadAndSave(async (req, res) => {
          await work(manager, contextOf(req))
          res.end()
        }),
      )
      const client = new Client(server.url)
      await client.get('/')
      return {
        token: client.cookies.get('session') ?? '',
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
        /** The queries of `times` requests, sent at once, that each do `next`. */
        async count(next: Work, times = 1): Promise<number> {
          work = next
          const before = queries
          const sent = Array.from({ length: times }, () => client.get('/'))
          const answers = await Promise.all(sent)
          expect(answers.filter(({ status }) => status !== 200)).toEqual([])
          return queries - before
        },
      }
    }

    async function stored(token: string): Promise<unknown> {
      const manager = new SessionManager({ store })
      return manager.get(await manager.load(background(), token), 'n')
    }

    it('a request without a session makes no query, and one that begins a session makes 1', async () => {
      await using shop = await site()
      await shop.count(destroy)
      expect(await shop.count(read)).toBe(0)
      expect(await shop.count(write)).toBe(1)
    })

    it('a read makes 1', async () => {
      await using shop = await site()
      expect(await shop.count(read)).toBe(1)
    })

    it('a read with an idle timeout makes 1, or 2 when a touch is due', async () => {
      await using shop = await site({ idleTimeout: hour })
      expect(await shop.count(read)).toBe(1)
      await using eager = await site({ idleTimeout: hour, touchInterval: 0 })
      expect(await eager.count(read)).toBe(2)
    })

    it('a write makes 2, also with an idle timeout, and so does an update', async () => {
      await using shop = await site()
      expect([await shop.count(write), await shop.count(add)]).toEqual([2, 2])
      await using eager = await site({ idleTimeout: hour, touchInterval: 0 })
      expect([await eager.count(write), await eager.count(add)]).toEqual([2, 2])
    })

    it('a login that renews the token makes 2, and a logout 2', async () => {
      await using shop = await site()
      expect([await shop.count(login), await shop.count(destroy)]).toEqual([2, 2])
    })

    if (driver.dialect === 'sqlite') {
      // A driver that answers at once leaves no time in which to queue: the first commit is over before the second begins,
      // which finds that its session has changed since it was loaded, and reads it again.
      it('200 concurrent writes to one session make 2 each, and 2 more in all where others came after the load', async () => {
        await using shop = await site()
        expect(await shop.count(add, 200)).toBe(400)
        expect(await shop.count(together(200), 200)).toBe(200 * 2 + 2)
        expect(await stored(shop.token)).toBe(400)
      })
    } else {
      it('200 concurrent writes to one session make 2 each', async () => {
        await using shop = await site()
        expect(await shop.count(together(200), 200)).toBe(400)
        expect(await stored(shop.token)).toBe(200)
      })
    }

    it('a conflict with another process makes 2 more for each retry', async () => {
      for (const conflicts of [1, 2, 5]) {
        // The other process writes just before this one does, so many times.
        const elsewhere = new SessionManager({ store })
        let left = conflicts
        let others = 0
        const meddle = async (token: string) => {
          if (left-- <= 0) return
          const before = queries
          const ctx = await elsewhere.load(background(), token)
          add(elsewhere, ctx)
          await elsewhere.commit(ctx)
          others += queries - before
        }
        await using shop = await site({ store: interrupted(store, meddle) })
        const total = await shop.count(add)
        expect([others, total - others]).toEqual([2 * conflicts, 2 + 2 * conflicts])
        expect(await stored(shop.token)).toBe(conflicts + 1)
      }
    })
  })
}

/** Adds one in each of so many requests, when all of them have loaded the session. */
function together(count: number): Work {
  const { promise, resolve } = Promise.withResolvers<void>()
  let left = count
  return async (manager, ctx) => {
    if (--left === 0) resolve()
    await promise
    add(manager, ctx)
  }
}

/** `store`, with something else happening before each of its swaps. */
function interrupted(store: DrizzleStore, before: (token: string) => Promise<void>): SessionStore {
  return {
    find: (token) => store.findCtx(ctx, token),
    commit: (token, data, expiry) => store.commitCtx(ctx, token, data, expiry),
    delete: (token) => store.deleteCtx(ctx, token),
    findWithExpiry: (ctx, token) => store.findWithExpiry(ctx, token),
    touch: (ctx, token, expiry) => store.touch(ctx, token, expiry),
    async swap(ctx, swap) {
      if (swap.from) await before(swap.from.token)
      return store.swap(ctx, swap)
    },
  }
}
