import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { runs, seedOf } from '../../../test/part.ts'
import { type Awaitable, background, MemoryStore, minute, SessionManager } from '../src/index.ts'
import { History } from './model/history.ts'
import { type Program, programs } from './model/program.ts'
import { regressions } from './model/regressions.ts'
import { ConnectionLost, runProgram } from './model/run-program.ts'
import { type Passage, WatchedStore } from './model/watched-store.ts'

const programsEach = runs('SCS_MODEL_RUNS', 500, 3000)
const start = Date.UTC(2030, 0, 1)

// The pause between two tries is an event among the others.
const backoff = vi.hoisted(() => ({ wait: (): PromiseLike<void> => Promise.resolve() }))
vi.mock('node:timers/promises', async (original) => ({
  ...(await original<typeof import('node:timers/promises')>()),
  setTimeout: () => backoff.wait(),
}))

interface Fault {
  /** Which store call it is. */
  readonly call: number
  /** When the connection is lost; `late`: at once, and the store acts all the same, `steps` steps later. */
  readonly when: 'before' | 'after' | 'late'
  readonly steps: number
}

interface Weather {
  readonly atOnce: boolean
  readonly hashTokenInStore: boolean
  readonly idle: boolean
  readonly faults: readonly Fault[]
  /** How often the time is over for all store calls under way. */
  readonly timeouts: number
  /** By how many minutes the clock moves, each time. */
  readonly clock: readonly number[]
}

async function run(s: fc.Scheduler, program: Program, weather: Weather): Promise<string[]> {
  const { atOnce, hashTokenInStore, idle, clock } = weather
  const faults = new Map(weather.faults.map((fault) => [fault.call, fault]))
  vi.setSystemTime(start)
  const pause = (what = 'pause') => s.schedule(Promise.resolve(), what)
  backoff.wait = () => pause('backoff')
  const history = new History(true, clock.length > 0)
  const memory = new MemoryStore({ cleanupInterval: 0 })
  let calls = 0
  const late = async (call: string, steps: number, act: () => unknown) => {
    for (let n = 0; n < steps; n++) await pause(`late ${call}`)
    await act()
  }
  const through = <T>(call: string, act: () => T): T => {
    const fault = faults.get(calls++)
    if (fault?.when === 'late' && !call.startsWith('find')) void late(call, fault.steps, act)
    if (fault && fault.when !== 'after') throw new ConnectionLost(`${fault.when} ${call}`)
    const answer = act()
    if (fault) throw new ConnectionLost(`after ${call}`)
    return answer
  }
  const passage: Passage = atOnce
    ? through
    : async <T>(call: string, act: () => Awaitable<T>) => {
        await pause(call)
        try {
          return await through(call, act)
        } finally {
          await pause(`answer of ${call}`)
        }
      }
  const store = new WatchedStore(memory, background(), history, passage)
  const manager = () =>
    new SessionManager({
      store,
      hashTokenInStore,
      storeTimeout: weather.timeouts > 0 ? 1000 : 0,
      onError: () => {},
      ...(idle && { idleTimeout: 30 * minute, touchInterval: 0 }),
    })
  const world = {
    managers: [manager(), manager()],
    history,
    faulty: faults.size > 0 || weather.timeouts > 0,
    mayExpire: clock.length > 0,
    seed: memory.commit.bind(memory),
    pause,
  }
  const tick = async () => {
    for (const minutes of clock) {
      await pause('clock')
      vi.setSystemTime(Date.now() + minutes * minute)
    }
  }
  const timeOut = async () => {
    for (let n = 0; n < weather.timeouts; n++) {
      for (let m = 0; m < 10; m++) await pause('time passes')
      vi.advanceTimersByTime(1000)
      vi.setSystemTime(Date.now() - 1000)
    }
  }
  await s.waitFor(Promise.all([runProgram(program, world), tick(), timeOut()]))
  await s.waitIdle()
  history.finish(memory.all())
  return history.violations
}

const fair: fc.Arbitrary<Weather> = fc.record({
  atOnce: fc.boolean(),
  hashTokenInStore: fc.boolean(),
  idle: fc.boolean(),
  faults: fc.constant<Fault[]>([]),
  timeouts: fc.constant(0),
  clock: fc.oneof(
    { weight: 3, arbitrary: fc.constant<number[]>([]) },
    { weight: 1, arbitrary: fc.array(fc.integer({ min: 5, max: 40 }), { maxLength: 3 }) },
  ),
})

const fault = fc.record({
  call: fc.nat(30),
  when: fc.constantFrom('before' as const, 'after' as const, 'late' as const),
  steps: fc.nat(30),
})
const foul: fc.Arbitrary<Weather> = fc
  .tuple(fair, fc.array(fault, { maxLength: 4 }), fc.nat(2))
  .map(([weather, faults, timeouts]) => ({ ...weather, faults, timeouts }))

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })
})
afterAll(() => {
  vi.useRealTimers()
})

// Without shrinking: a schedule that was shrunk cannot be played again from its seed and path.
async function check(
  program: fc.Arbitrary<Program>,
  weather: fc.Arbitrary<Weather>,
  numRuns: number,
) {
  const property = fc.asyncProperty(fc.scheduler(), program, weather, async (...made) => {
    expect(await run(...made)).toEqual([])
  })
  await fc.assert(property, { seed: seedOf('SCS_MODEL_SEED'), numRuns, endOnFailure: true })
}

describe('requests in any order', () => {
  it('lose nothing and bring nobody back, on a store that works', async () => {
    await check(programs, fair, programsEach)
  }, 3_600_000)

  it('lose nothing and bring nobody back, on a store that fails now and then', async () => {
    await check(programs, foul, programsEach)
  }, 3_600_000)

  for (const [what, program] of Object.entries(regressions)) {
    it(what, async () => {
      await check(fc.constant(program), fc.oneof(fair, foul), Math.ceil(programsEach / 10))
    }, 3_600_000)
  }
})
