import { background, SessionManager, type SessionStore } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { type StoreTarget, testStore } from '@scs/store-tests'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  canStartGalera,
  type GaleraCluster,
  startGaleraCluster,
} from '../../../test/servers/galera-cluster.ts'
import { over } from '../../../test/swaps.ts'
import { select } from '../test/databases.ts'
import { databaseAt } from './database-at.ts'
import { causality, type GaleraClient, openGalera } from './galera-client.ts'
import { inTurn } from './in-turn.ts'

const ctx = background()
const data = Buffer.from('data')
const future = new Date('2100-01-01')
const requests = 200
const logouts = 50

interface Values {
  count: number
  [key: `by-${number}`]: boolean
}

describe.skipIf(!canStartGalera())('Galera, three nodes', () => {
  let cluster: GaleraCluster
  const clients: GaleraClient[] = []
  const stores: DrizzleStore[] = []

  beforeAll(async () => {
    cluster = await startGaleraCluster()
    const admin = openGalera(cluster.nodes[0].url)
    await admin.run(sql`create database sessions`)
    await admin.close()
    for (const { url } of cluster.nodes) {
      const client = openGalera(databaseAt(url, 'sessions'))
      clients.push(client)
      stores.push(await DrizzleStore.create(client.db, { cleanupInterval: 0 }))
    }
    await client(0).run(sql`alter table sessions add column user_id integer`)
  }, 120_000)
  afterAll(async () => {
    await Promise.all(clients.map(({ close }) => close()))
    await cluster?.stop()
  }, 60_000)

  const client = (index: number) => clients[index % clients.length] as GaleraClient
  const store = (index: number) => stores[index % stores.length] as DrizzleStore

  describe('through one node', () => {
    testStore({ describe, it }, 'keeps the promises of a store', () => withExtras(store(0)), {
      without: ['all'],
    })
  })

  describe('each call through another node', () => {
    testStore({ describe, it }, 'keeps the promises of a store', () => withExtras(inTurn(stores)), {
      without: ['all'],
    })
  })

  function withExtras(store: SessionStore): StoreTarget {
    return {
      store,
      extras: {
        write: (token) =>
          client(1).run(sql`update sessions set user_id = 42 where token = ${token}`),
        read: (token) =>
          select(client(2).db, { userId: sql`user_id` }, sql`sessions where token = ${token}`),
      },
    }
  }

  it('a cleanup on each node at once deletes every expired session once, and no other', async () => {
    // More than one batch.
    const tokens = Array.from({ length: 1500 }, (_, i) => `expired-${i}`)
    const past = new Date(Date.now() - 1000)
    await Promise.all(tokens.map((token, i) => store(i).commitCtx(ctx, token, data, past)))
    await Promise.all(stores.map((each, i) => each.commitCtx(ctx, `live-${i}`, data, future)))
    const deleted = await Promise.all(stores.map((each) => each.deleteExpired()))
    expect(deleted.reduce((sum, count) => sum + count)).toBe(tokens.length)
    for (const { db } of clients) {
      const rows = await select(
        db,
        { token: sql`token` },
        sql`sessions where token like 'expired-%'`,
      )
      expect(rows).toEqual([])
    }
    for (let i = 0; i < stores.length; i++) {
      for (const each of stores) expect(await each.findCtx(ctx, `live-${i}`)).toEqual(data)
      await store(i).deleteCtx(ctx, `live-${i}`)
    }
  })

  describe('a session manager on each node', () => {
    const managers: SessionManager<Values>[] = []
    beforeAll(() => {
      for (const store of stores) managers.push(new SessionManager({ store, onError: () => {} }))
    })
    const manager = (index: number) => managers[index % managers.length] as SessionManager<Values>

    async function start(): Promise<string> {
      const session = await manager(0).load(ctx, '')
      manager(0).put(session, 'count', 0)
      return (await manager(0).commit(session))?.token ?? ''
    }
    // Every request has its session before any of them changes it.
    const loadAll = (token: string) =>
      Promise.all(Array.from({ length: requests }, (_, i) => manager(i).load(ctx, token)))

    it('200 requests that each put a key of their own lose none', async () => {
      const token = await start()
      const sessions = await loadAll(token)
      sessions.forEach((session, i) => {
        manager(i).put(session, `by-${i}`, true)
      })
      await Promise.all(sessions.map((session, i) => manager(i).commit(session)))
      for (const each of managers) {
        expect(each.keys(await each.load(ctx, token))).toHaveLength(requests + 1)
      }
    })

    it('200 requests that each add one count to 200', async () => {
      const token = await start()
      const sessions = await loadAll(token)
      sessions.forEach((session, i) => {
        manager(i).update(session, 'count', (count) => (count ?? 0) + 1)
      })
      await Promise.all(sessions.map((session, i) => manager(i).commit(session)))
      for (const each of managers) {
        expect(each.get(await each.load(ctx, token), 'count')).toBe(requests)
      }
    })

    it('50 logouts with a write on another node in flight leave nobody logged in', async () => {
      const undone: number[] = []
      await Promise.all(
        Array.from({ length: logouts }, async (_, i) => {
          const token = await start()
          const [leaving, writing] = await Promise.all([
            manager(i).load(ctx, token),
            manager(i + 1).load(ctx, token),
          ])
          manager(i + 1).put(writing, 'by-0', true)
          // For half of them the logout is over before the other request goes on.
          const left = manager(i).destroy(leaving)
          if (i % 2 === 0) await left
          await Promise.all([left, manager(i + 1).commit(writing)])
          for (const each of managers) {
            if (each.keys(await each.load(ctx, token)).length > 0) undone.push(i)
          }
        }),
      )
      expect(undone).toEqual([])
    })
  })

  describe('a conflict between two nodes', () => {
    it('ends the statement of one of them with 1213, and that is tried again', async () => {
      const [{ url }] = cluster.nodes
      // By default, the server itself runs such a statement once more.
      const patient = openGalera(databaseAt(url, 'sessions'), 'set wsrep_retry_autocommit = 0', 1)
      const admin = openGalera(databaseAt(url, 'sessions'), causality, 1)
      onTestFinished(async () => {
        await admin.run(sql`drop trigger if exists at_the_gate`)
        await Promise.all([patient.close(), admin.close()])
      })
      const here = await DrizzleStore.create(patient.db, { cleanupInterval: 0 })
      await admin.run(sql`create or replace table gate (id integer primary key)`)
      await admin.run(sql`insert into gate values (1)`)
      // Somebody who has the row of a session, and is not done.
      await admin.run(sql`create or replace trigger at_the_gate before update on sessions for each row
        set @id = (select id from gate for update)`)
      await here.commitCtx(ctx, 'a', data, future)
      await admin.run(sql`begin`)
      await admin.run(sql`select id from gate for update`)
      patient.queries.length = 0
      const touching = here.touch(ctx, 'a', new Date('2101-01-01'))
      const isWaiting = async () => {
        const waiting = sql`information_schema.innodb_trx where trx_state = 'LOCK WAIT'`
        return (await select(admin.db, { id: sql`trx_id` }, waiting)).length > 0
      }
      // InnoDB refreshes that table when nobody has read it for 100 ms.
      await vi.waitUntil(isWaiting, { timeout: 50_000, interval: 200 })
      expect(patient.queries).toHaveLength(1)

      // Another node commits the row first.
      expect(await store(1).swap(ctx, over('a', data, Buffer.from('new'), future))).toBe(true)
      await vi.waitUntil(() => patient.queries.length > 1, { timeout: 50_000, interval: 1 })
      await admin.run(sql`rollback`)
      expect(await touching).toBe(true)
      const found = await store(2).findWithExpiry(ctx, 'a')
      expect(String(found?.data)).toBe('new')
      expect(found?.expiry).toEqual(new Date('2101-01-01'))
    })
  })

  describe('a node that has lost the others', () => {
    it('answers with an error at once, which says so; and serves again when they are back', async () => {
      const [here, second, third] = cluster.nodes
      await store(0).commitCtx(ctx, 'kept', data, future)
      await Promise.all([second.freeze(), third.freeze()])
      try {
        await here.alone()
        client(0).queries.length = 0
        for (const call of [
          () => store(0).findCtx(ctx, 'kept'),
          () => store(0).commitCtx(ctx, 'kept', data, future),
          () => store(0).swap(ctx, over('kept', data, Buffer.from('new'), future)),
          () => store(0).deleteCtx(ctx, 'kept'),
        ]) {
          await expect(call()).rejects.toMatchObject({
            errno: 1047,
            message: expect.stringMatching('WSREP has not yet prepared node'),
          })
        }
        expect(client(0).queries).toHaveLength(4)
      } finally {
        await Promise.all([second.thaw(), third.thaw()])
      }
      await cluster.settled()
      for (const each of stores) expect(await each.findCtx(ctx, 'kept')).toEqual(data)
    }, 90_000)
  })
})
