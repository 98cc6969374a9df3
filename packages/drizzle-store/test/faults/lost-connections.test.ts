import { background, SessionManager } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { sql } from 'drizzle-orm'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createDatabase, isAvailable, select } from '../databases.ts'
import { type Driver, mysqlPool, nodePostgres, type Opened, postgresJs } from '../drivers.ts'
import { sessionsOf } from '../sessions-of.ts'
import { startUnreliableRelay, type UnreliableRelay } from './unreliable-relay.ts'

const ctx = background()

/** Two server processes, in all but the process, on one database whose connections are cut. */
async function open(driver: Driver, oneIn: number) {
  const database = await createDatabase(driver)
  const direct = await driver.open(database.address)
  const store = await DrizzleStore.create(direct.db, { cleanupInterval: 0 })
  const relays: UnreliableRelay[] = []
  const managers: SessionManager[] = []
  const closing: (() => Promise<void>)[] = [direct.close]
  const errors: unknown[] = []
  for (let i = 0; i < 2; i++) {
    const relay = await startUnreliableRelay(new URL(database.address), oneIn)
    const { db, close } = await driver.open(relay.address, 4)
    relays.push(relay)
    closing.push(close, relay.close)
    const create = (): Promise<DrizzleStore> =>
      DrizzleStore.create(db, { cleanupInterval: 0 }).catch(create)
    const onError = (error: unknown) => errors.push(error)
    managers.push(new SessionManager({ store: await create(), onError, storeTimeout: 10_000 }))
  }
  onTestFinished(async () => {
    for (const close of closing) await close()
    await database.drop()
  })
  const losses = () =>
    Object.fromEntries(
      ['of the request', 'of the answer', 'of the client'].map((kind) => [
        kind,
        relays.reduce((sum, relay) => sum + (relay.losses.get(kind as never) ?? 0), 0),
      ]),
    )
  return {
    managers,
    errors,
    losses,
    calm: () => Promise.all(relays.map((relay) => relay.calm())),
    /** Over a connection that is not cut. */
    reliable: new SessionManager({ store }),
    store,
  }
}

const increment = (n: unknown) => ((n as number | undefined) ?? 0) + 1

for (const driver of [postgresJs, nodePostgres, mysqlPool]) {
  describe.skipIf(!isAvailable(driver))(`${driver.name}, connections that are cut`, () => {
    for (const keyed of [true, false]) {
      const what = keyed ? 'with a key of its own' : 'the same as all others'
      it(`an acknowledged update, ${what}, is there once; another at most once`, async () => {
        const { managers, reliable, losses, calm, errors } = await open(driver, 8)
        const made = await reliable.load(ctx, '')
        reliable.put(made, 'n', 0)
        const token = (await reliable.commit(made))?.token

        const acknowledged: string[] = []
        let failed = 0
        let sent = 0
        async function send(manager: SessionManager): Promise<void> {
          while (sent < 400) {
            const key = `by-${sent++}`
            try {
              const session = await manager.load(ctx, token)
              manager.update(session, 'n', increment)
              if (keyed) manager.put(session, key, true)
              await manager.commit(session)
              acknowledged.push(key)
            } catch (error) {
              expect(String(error)).toMatch(/DrizzleStore could not/)
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
        for (const times of Object.values(losses())) expect(times).toBeGreaterThan(0)
        expect(errors).toEqual([])
      })
    }

    it('a store that is asked again at once, when its connections have just died, answers', async () => {
      const database = await createDatabase(driver)
      const admin = await driver.open(database.address, 1)
      // In a transaction, PostgreSQL shows the same activity all the time.
      const watcher = await driver.open(database.address, 1)
      const relay = await startUnreliableRelay(new URL(database.address), Number.POSITIVE_INFINITY)
      const { db, close } = await driver.open(relay.address, 2)
      const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
      onTestFinished(async () => {
        for (const end of [close, admin.close, watcher.close, relay.close, database.drop])
          await end()
      })
      const future = new Date('2100-01-01')
      for (const token of ['a', 'b']) await store.commitCtx(ctx, token, Buffer.from(token), future)
      for (let round = 0; round < 5; round++) {
        // The statement is prepared on every connection: postgres.js then sends others behind it.
        await Promise.all(Array.from({ length: 20 }, () => store.touch(ctx, 'a', future)))
        await admin.run(sql`begin`)
        await admin.run(sql`update sessions set data = data, expiry = '2101-01-01'`)
        // Every connection of the pool waits for a lock.
        const asked = ['a', 'b'].map(async (token) => {
          const found = () => store.findCtx(ctx, token)
          return Promise.resolve(store.touch(ctx, token, future)).then(found, found)
        })
        await vi.waitUntil(async () => (await waiting(watcher, driver)) === 2, { timeout: 50_000 })
        relay.cutAll()
        expect((await Promise.all(asked)).map(String)).toEqual(['a', 'b'])
        await admin.run(sql`rollback`)
        expect(String(await store.findCtx(ctx, 'a'))).toBe('a')
      }
    })

    it('a session that is renewed is under one token, and under the new one when that was acknowledged', async () => {
      const { managers, reliable, store, losses, calm } = await open(driver, 8)
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
          const ends: { tokens: string[] }[] = []
          for (let n = 0; n < 25; n++) {
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
              ends.push({ tokens: [current, next] })
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
        for (const { tokens } of ends) expect(tokens.filter((t) => live.has(t))).toHaveLength(1)
      }
      for (const times of Object.values(losses())) expect(times).toBeGreaterThan(0)
    })
  })
}

// How many statements of this database wait for a lock.
async function waiting({ db }: Opened, driver: Driver): Promise<number> {
  const from =
    driver.dialect === 'pg'
      ? sql`pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      : sql`information_schema.processlist where db = database() and info like 'update%'`
  return (await select(db, { one: sql`1` }, from)).length
}
