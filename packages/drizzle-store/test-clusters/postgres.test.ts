import { background, SessionManager, second } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { testStore } from '@scs/store-tests'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { postgres } from '../../../test/servers/postgres.ts'
import {
  type PostgresPair,
  type Replication,
  startPostgresPair,
} from '../../../test/servers/postgres-pair.ts'
import { nodePostgres, type Opened, postgresJs } from '../test/drivers.ts'
import { interruption } from '../test/faults/interruption.ts'
import { startServerProcess } from '../test/faults/server-process.ts'
import { expectErrorResponse, UpdatedSession } from '../test/faults/updates.ts'
import { updateThroughOutages } from '../test/faults/updates-through-outages.ts'
import { sessionsOf } from '../test/sessions-of.ts'
import { databaseAt } from './database-at.ts'
import { startMovingAddress } from './moving-address.ts'
import { openPair } from './postgres-client.ts'

const ctx = background()
const program = new URL('postgres-session-server.ts', import.meta.url)
const data = Buffer.from('data')
const future = new Date('2100-01-01')

async function startPair(replication: Replication): Promise<PostgresPair> {
  const pair = await startPostgresPair(replication)
  await pair.ask(pair.primary, 'create database sessions')
  return pair
}

describe.skipIf(postgres.recipe() === undefined)('PostgreSQL with a streaming replica', () => {
  describe('a replica that was promoted', () => {
    let pair: PostgresPair
    let opened: Opened
    let store: DrizzleStore

    beforeAll(async () => {
      pair = await startPair('synchronous')
      opened = openPair(pair.url('sessions'))
      store = await DrizzleStore.create(opened.db, { cleanupInterval: 0 })
      await pair.primary.kill()
      await pair.promote()
      await vi.waitUntil(() => found(store.findCtx(ctx, 'none')), { timeout: 50_000 })
    }, 60_000)
    afterAll(async () => {
      await opened?.close()
      await pair?.stop()
    })

    testStore({ describe, it }, 'keeps the promises of a store', () => store, {
      without: ['all', 'extras'],
    })
  })

  // postgres.js knows both servers; node-postgres has one address, which moves with the primary.
  for (const driver of [postgresJs, nodePostgres]) {
    it(`${driver.name}, synchronous: a primary that is killed loses no acknowledged update; the same processes go on with its replica`, {
      timeout: 180_000,
    }, async ({ annotate }) => {
      const pair = await startPair('synchronous')
      onTestFinished(() => pair.stop())
      const moving = await startMovingAddress(pair.primary.port)
      onTestFinished(() => moving.close())
      const start = () =>
        driver === postgresJs
          ? startServerProcess('', pair.url('sessions'), program)
          : startServerProcess(driver.name, databaseAt(postgres.url(moving.port), 'sessions'))
      const processes = await Promise.all(Array.from({ length: 4 }, start))
      onTestFinished(async () => {
        await Promise.all(processes.map((process) => process.close()))
      })
      const [prober] = processes
      if (prober === undefined) throw new Error('no process')
      const probe = await UpdatedSession.start(prober, true)
      const outage = async (cookie: string) => {
        const killed = performance.now()
        await pair.primary.kill()
        // Everything is an error now, never "no session".
        await Promise.all(
          processes.map(async (process) => {
            expectErrorResponse(await process.get('/read', cookie))
            expectErrorResponse(await process.get('/add?by=nobody', cookie))
          }),
        )
        const promoting = performance.now()
        await pair.promote()
        moving.moveTo(pair.replica.port)
        const whole = await interruption(processes, probe, killed)
        const after = Math.round(performance.now() - promoting)
        await annotate(`${whole} ms without an answer, ${after} of them after the order to promote`)
      }
      await updateThroughOutages(processes, outage, { outages: 1 })
      await probe.check(prober)
    })
  }

  async function openSessions(replication: Replication) {
    const pair = await startPair(replication)
    const opened = openPair(pair.url('sessions'))
    onTestFinished(async () => {
      await opened.close()
      await pair.stop()
    })
    const store = await DrizzleStore.create(opened.db, { cleanupInterval: 0 })
    await store.commitCtx(ctx, 'followed', data, future)
    // What the replica has not received by now, it never will.
    const [at] = (await pair.ask(pair.primary, 'select pg_current_wal_lsn()')).split('\n')
    const hasAll = `select pg_last_wal_receive_lsn() >= '${at}'`
    await vi.waitUntil(async () => (await pair.ask(pair.replica, hasAll)) === 't')
    await pair.cut()
    async function failOver(): Promise<void> {
      await pair.primary.kill()
      await pair.promote()
      await vi.waitUntil(() => found(store.findCtx(ctx, 'followed')), { timeout: 50_000 })
    }
    return { store, failOver }
  }

  it('asynchronous: what was acknowledged while the replica was behind is lost with the primary', async () => {
    const { store, failOver } = await openSessions('asynchronous')
    await store.commitCtx(ctx, 'behind', data, future)
    expect(await store.findCtx(ctx, 'behind')).toEqual(data)
    await failOver()
    expect(await store.findCtx(ctx, 'followed')).toEqual(data)
    expect(await store.findCtx(ctx, 'behind')).toBeUndefined()
  })

  it('asynchronous: a logout that was acknowledged while the replica was behind is undone with the primary', async () => {
    const { store, failOver } = await openSessions('asynchronous')
    await store.deleteCtx(ctx, 'followed')
    expect(await store.findCtx(ctx, 'followed')).toBeUndefined()
    await failOver()
    expect(await store.findCtx(ctx, 'followed')).toEqual(data)
  })

  it('synchronous: what the replica does not have is not acknowledged, and the session manager says so', async () => {
    const { store, failOver } = await openSessions('synchronous')
    const manager = new SessionManager({ store, storeTimeout: second })
    const session = await manager.load(background(), '')
    manager.put(session, 'user', 'somebody')
    await expect(manager.commit(session)).rejects.toThrow('the store did not answer')
    await failOver()
    expect((await sessionsOf(store)).size).toBe(1)
  })
})

// Whether the database answers at all, in a form that waitUntil takes.
async function found(answer: PromiseLike<unknown> | unknown): Promise<boolean> {
  try {
    await answer
    return true
  } catch {
    return false
  }
}
