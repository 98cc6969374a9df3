import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Cleaner } from '../src/cleaner.ts'
import type { BatchSizes } from '../src/dialect.ts'

// Vitest fakes the timers of the global scope alone.
vi.mock('node:timers/promises', async (original) => ({
  ...(await original<typeof import('node:timers/promises')>()),
  setTimeout: (delay: number, _value: undefined, { signal }: { signal: AbortSignal }) =>
    new Promise<void>((resolve) => {
      setTimeout(resolve, delay)
      signal.addEventListener('abort', () => resolve())
    }),
}))

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'], now: 0 })
  // The loop's jitter: none.
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const second = 1_000
const minute = 60 * second
const interval = 5 * minute
const tick = 100

const unexpected = (error: unknown): never => {
  throw error
}

/** A table that is flooded with sessions of a minute, and what a row and a statement of a DELETE take, in ms. */
function flood(perSecond: number, perRow: number, perDelete: number, sizes: BatchSizes) {
  let added = 0
  let ended = Number.POSITIVE_INFINITY
  let removed = 0
  const addedBy = (time: number) =>
    Math.min(added, Math.max(0, Math.floor((time / second) * perSecond)))
  const deletes: number[] = []
  const cleaner = new Cleaner(
    interval,
    sizes,
    async (expiredBy, most) => {
      const count = Math.min(most, addedBy(expiredBy.getTime() - minute) - removed)
      await new Promise((resolve) => setTimeout(resolve, perDelete + count * perRow))
      removed += count
      deletes.push(count)
      return count
    },
    unexpected,
  )
  return {
    deletes,
    stop() {
      ended = Date.now()
    },
    /** Lets time pass, and gives the most that the rows were, in those that live. */
    async pass(time: number, isTold: boolean): Promise<number> {
      let most = 0
      for (const end = Date.now() + time; Date.now() < end; ) {
        for (const due = (Math.min(Date.now(), ended) / second) * perSecond; added < due; added++) {
          if (isTold) cleaner.added()
        }
        await vi.advanceTimersByTimeAsync(tick)
        const live = added - addedBy(Date.now() - minute)
        most = Math.max(most, (added - removed) / Math.max(live, 1))
      }
      return most
    },
  }
}

const sqlite: BatchSizes = [10, 20]
const server: BatchSizes = [100, 500, 2_500]

describe('a flood of sessions that live for a minute, with an interval of five', () => {
  it.each([
    ['where a removal takes a tenth of the time', 500, 0.2, 0.2, sqlite],
    ['where a removal takes half of the time', 500, 0.8, 2, sqlite],
    ['where a removal takes half of the time, on a server', 1_000, 0.4, 5, server],
    ['where each statement takes long', 200, 0.1, 50, server],
    ['where the store is slow', 50, 10, 1, sqlite],
  ])(
    'leaves less than three times the live rows, %s',
    async (_where, perSecond, perRow, perDelete, sizes) => {
      const { pass } = flood(perSecond, perRow, perDelete, sizes)
      expect(await pass(10 * minute, true)).toBeLessThan(3)
    },
  )

  it('that another process takes in is seen by the first run, and caught up with by those that follow', async () => {
    const { pass } = flood(200, 1, 5, sqlite)
    await pass(3 * interval, false)
    expect(await pass(2 * interval, false)).toBeLessThan(1.5)
  })

  it('leaves the store at rest again when it is over', async () => {
    const { pass, stop, deletes } = flood(500, 0.4, 2, sqlite)
    await pass(5 * minute, true)
    stop()
    await pass(2 * minute, true)
    deletes.length = 0
    await pass(20 * minute, true)
    expect(deletes.length).toBeGreaterThan(2)
    expect(deletes.length).toBeLessThan(6)
    expect(Math.max(...deletes)).toBe(0)
  })
})

describe('in a hurry', () => {
  /** A cleaner that has just begun a run directly after another, over a table that never gets empty, and what it deletes. */
  async function hurried(sizes: BatchSizes, whileDeleting: (cleaner: Cleaner) => void = () => {}) {
    const deletes: number[] = []
    let isEmpty = true
    const cleaner: Cleaner = new Cleaner(
      0,
      sizes,
      (_expiredBy, most) => {
        if (isEmpty) return 0
        whileDeleting(cleaner)
        deletes.push(most)
        return most
      },
      unexpected,
    )
    await cleaner.run(true)
    isEmpty = false
    void cleaner.run(true)
    await vi.advanceTimersByTimeAsync(10)
    deletes.length = 0
    return { cleaner, deletes }
  }

  it('twice as many sessions go as come, however many come in one turn of the event loop', async () => {
    const { cleaner, deletes } = await hurried(sqlite)
    for (let n = 0; n < 500; n++) {
      cleaner.added()
      // What another request does in the same turn.
      for (let step = 0; step < 20; step++) await undefined
    }
    expect(deletes.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(2 * 500 - 20)
    expect(new Set(deletes)).toEqual(new Set([20]))
  })

  it('a batch is as large as what has come while the one before waited for the database', async () => {
    let come = 0
    const { deletes } = await hurried(server, (cleaner) => {
      for (let n = 0; n < come; n++) cleaner.added()
    })
    for (const [added, size] of [
      [0, 500],
      [250, 500],
      [251, 2_500],
      [10_000, 2_500],
    ] as const) {
      come = added
      await vi.advanceTimersByTimeAsync(10)
      expect(deletes.at(-1)).toBe(size)
    }
  })
})

describe('without a flood', () => {
  it('runs come at the interval: 3 new sessions a second bring none forward', async () => {
    const { pass, deletes } = flood(3, 0.1, 0.1, sqlite)
    await pass(21 * minute, true)
    // Each run ends with a batch that is not full.
    expect(deletes.filter((count) => count < 10)).toHaveLength(4)
  })

  it('a run is gentle: a fortieth of the time', async () => {
    const { pass, deletes } = flood(3, 0.1, 0, sqlite)
    await pass(interval - tick, true)
    expect(deletes).toEqual([])
    // The 720 that have expired by then are 72 batches of a millisecond, with pauses of 39.
    await pass(72 * 40 * 0.9, true)
    expect(deletes.length).toBeGreaterThan(0)
    expect(deletes.length).toBeLessThan(72)
    expect(Math.max(...deletes)).toBe(10)
  })
})
