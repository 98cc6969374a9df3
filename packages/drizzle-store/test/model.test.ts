import { setImmediate as turn } from 'node:timers/promises'
import { background } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seedOf } from '../../../test/part.ts'
import { minute, SessionManager } from '../../core/src/index.ts'
import { History } from '../../core/test/model/history.ts'
import { type Program, programs } from '../../core/test/model/program.ts'
import { runProgram } from '../../core/test/model/run-program.ts'
import { type Watched, WatchedStore } from '../../core/test/model/watched-store.ts'
import { isAvailable, openNew } from './databases.ts'
import {
  betterSqlite3,
  type Driver,
  libsql,
  mysqlPool,
  type Opened,
  postgresJs,
} from './drivers.ts'
import { sessionsOf } from './sessions-of.ts'

const ctx = background()
const runs = Number(process.env.SCS_MODEL_RUNS ?? 200)

// The requests of core's model, really at once: the order is the database's.
for (const driver of [postgresJs, mysqlPool, betterSqlite3, libsql]) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    const connections: Opened[] = []
    const stores: DrizzleStore[] = []

    beforeAll(async () => {
      for (const opened of await openTwice(driver)) {
        connections.push(opened)
        stores.push(await DrizzleStore.create(opened.db, { cleanupInterval: 0 }))
      }
    }, 60_000)
    afterAll(async () => {
      for (const opened of connections.toReversed()) await opened.close()
    })

    it('requests of two processes lose nothing and bring nobody back', async () => {
      const options = fc.record({ hashTokenInStore: fc.boolean(), idle: fc.boolean() })
      const pauses = fc.infiniteStream(fc.nat(5))
      const property = fc.asyncProperty(
        programs,
        options,
        pauses,
        async (program, given, turns) => {
          await connections[0]?.run(sql`delete from sessions`)
          expect(await run(stores, program, given, turns)).toEqual([])
        },
      )
      await fc.assert(property, {
        seed: seedOf('SCS_MODEL_SEED'),
        numRuns: runs,
        endOnFailure: true,
      })
    }, 600_000)
  })
}

async function openTwice(driver: Driver): Promise<Opened[]> {
  const first = await openNew(driver)
  return [first, await driver.open(first.address)]
}

async function run(
  stores: readonly DrizzleStore[],
  program: Program,
  { hashTokenInStore, idle }: { hashTokenInStore: boolean; idle: boolean },
  turns: Iterator<number>,
): Promise<string[]> {
  const history = new History(false)
  const managers = stores.map(
    (store) =>
      new SessionManager({
        store: new WatchedStore(watched(store), ctx, history, (_call, act) => act()),
        hashTokenInStore,
        onError: () => {},
        ...(idle && { idleTimeout: 30 * minute, touchInterval: 0 }),
      }),
  )
  const [store] = stores
  if (!store) throw new TypeError('there is no store')
  await runProgram(program, {
    managers,
    history,
    faulty: false,
    mayExpire: false,
    seed: (...row) => store.commitCtx(ctx, ...row),
    async pause() {
      for (let left = turns.next().value ?? 0; left > 0; left--) await turn()
    },
  })
  history.finish(await sessionsOf(store))
  return history.violations
}

function watched(store: DrizzleStore): Watched<typeof ctx> {
  return {
    find: (token) => store.findCtx(ctx, token),
    delete: (token) => store.deleteCtx(ctx, token),
    all: () => sessionsOf(store),
    findWithExpiry: (...call) => store.findWithExpiry(...call),
    touch: (...call) => store.touch(...call),
    swap: (...call) => store.swap(...call),
  }
}
