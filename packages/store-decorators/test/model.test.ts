import { setImmediate as turn } from 'node:timers/promises'
import { background, type SessionStore } from '@scs/core'
import { cachedStore, migratingStore } from '@scs/store-decorators'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { seedOf } from '../../../test/part.ts'
import { hour, minute, SessionManager } from '../../core/src/index.ts'
import { History } from '../../core/test/model/history.ts'
import { type Program, programs } from '../../core/test/model/program.ts'
import { runProgram } from '../../core/test/model/run-program.ts'
import { type Watched, WatchedStore } from '../../core/test/model/watched-store.ts'
import { sessionsOf } from '../../drizzle-store/test/sessions-of.ts'
import { memory, sqlite } from './stores.ts'

const ctx = background()
const runs = Number(process.env.SCS_MODEL_RUNS ?? 200)

/** The stores of two processes, and what is beneath them. */
interface Stores {
  readonly processes: readonly SessionStore[]
  /** Files a session that was there before. */
  seed(token: string, data: Uint8Array, expiry: Date): unknown
  all(): Promise<ReadonlyMap<string, Uint8Array>>
}

// Two processes have a cache each, and see the other's writes late.
async function caches(): Promise<Stores> {
  const store = await sqlite()
  const cached = () => cachedStore(store, { maxAge: hour })
  return {
    processes: [cached(), cached()],
    seed: (...row) => store.commitCtx(ctx, ...row),
    all: () => sessionsOf(store),
  }
}

// One process moves from SQLite to memory, the other the opposite way.
async function migration(): Promise<Stores> {
  const [from, to] = [await sqlite(), memory()]
  let seeded = 0
  return {
    processes: [migratingStore({ from, to }), migratingStore({ from: to, to: from })],
    seed: (...row) => (seeded++ % 2 === 0 ? from.commitCtx(ctx, ...row) : to.commit(...row)),
    async all() {
      const [old, next] = [await sessionsOf(from), await sessionsOf(to)]
      for (const token of old.keys()) expect(next.has(token)).toBe(false)
      return new Map([...old, ...next])
    },
  }
}

for (const [name, open] of Object.entries({ caches, migration })) {
  it(`${name}: requests of two processes lose nothing and bring nobody back`, async () => {
    const options = fc.record({ hashTokenInStore: fc.boolean(), idle: fc.boolean() })
    const pauses = fc.infiniteStream(fc.nat(5))
    const property = fc.asyncProperty(programs, options, pauses, async (program, given, turns) => {
      expect(await run(await open(), program, given, turns)).toEqual([])
    })
    await fc.assert(property, { seed: seedOf('SCS_MODEL_SEED'), numRuns: runs, endOnFailure: true })
  }, 600_000)
}

async function run(
  stores: Stores,
  program: Program,
  { hashTokenInStore, idle }: { hashTokenInStore: boolean; idle: boolean },
  turns: Iterator<number>,
): Promise<string[]> {
  const history = new History(false)
  const managers = stores.processes.map(
    (store) =>
      new SessionManager({
        store: new WatchedStore(watched(store), background(), history, (_call, act) => act()),
        hashTokenInStore,
        onError: () => {},
        ...(idle && { idleTimeout: 30 * minute, touchInterval: 0 }),
      }),
  )
  await runProgram(program, {
    managers,
    history,
    faulty: false,
    mayExpire: false,
    seed: stores.seed,
    async pause() {
      for (let left = turns.next().value ?? 0; left > 0; left--) await turn()
    },
  })
  history.finish(await stores.all())
  return history.violations
}

type Context = ReturnType<typeof background>

function watched(store: SessionStore): Watched<Context> {
  const { findCtx, deleteCtx, findWithExpiry } = store
  if (!findCtx || !deleteCtx || !findWithExpiry) throw new TypeError('not all there')
  return {
    find: (token) => findCtx.call(store, background(), token),
    delete: (token) => deleteCtx.call(store, background(), token),
    findWithExpiry: (...call) => store.findWithExpiry(...call),
    touch: (...call) => store.touch(...call),
    swap: (...call) => store.swap(...call),
  }
}
