import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type BatchSizes, Cleaner } from '../src/cleaner.ts'

// Vitest fakes the timers of the global scope alone.
vi.mock('node:timers/promises', async (original) => ({
  ...(await original<typeof import('node:timers/promises')>()),
  setTimeout: (delay: number) => new Promise((resolve) => setTimeout(resolve, delay)),
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

const sqlite = { small: 10, large: 50 }
const server = { small: 100, large: 500 }

describe('a flood of sessions that live for a minute, with an interval of five', () => {
  it.each([
    ['where a removal takes a tenth of the time', 1_000, 0.1, 0.1, sqlite],
    ['where a removal takes half of the time', 1_000, 0.4, 1, sqlite],
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

  it('that another process takes in leaves less than three times the live rows once a run has seen it', async () => {
    const { pass } = flood(1_000, 0.2, 1, sqlite)
    await pass(10 * minute, false)
    expect(await pass(10 * minute, false)).toBeLessThan(3)
  })

  it('leaves the store at rest again when it is over', async () => {
    const { pass, stop, deletes } = flood(1_000, 0.2, 1, sqlite)
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
