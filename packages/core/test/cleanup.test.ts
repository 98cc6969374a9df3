import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { day, hour, minute, second } from '../src/duration.ts'
import { startCleanup } from '../src/store/cleanup.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

const unexpected = (error: unknown): never => {
  throw error
}

/** A run that ends when it is told to. */
function heldRun() {
  const runs: { readonly end: () => void; readonly fail: (error: unknown) => void }[] = []
  const run = () => new Promise<void>((end, fail) => runs.push({ end, fail }))
  return { runs, run }
}

test('runs after one interval, and again after each', async () => {
  let runs = 0
  startCleanup(minute, () => runs++, unexpected)
  expect(runs).toBe(0)
  await vi.advanceTimersByTimeAsync(0.9 * minute - 1)
  expect(runs).toBe(0)
  await vi.advanceTimersByTimeAsync(0.2 * minute + 1)
  expect(runs).toBe(1)
  await vi.advanceTimersByTimeAsync(100 * minute)
  expect(runs).toBeGreaterThanOrEqual(91)
  expect(runs).toBeLessThanOrEqual(113)
})

test('comes up to 10 % earlier or later, each time anew', async () => {
  const start = Date.now()
  const delays: number[] = []
  for (let i = 0; i < 400; i++) {
    startCleanup(hour, () => delays.push(Date.now() - start), unexpected)
  }
  while (delays.length < 400) await vi.advanceTimersToNextTimerAsync()
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(0.9 * hour - 1)
  expect(Math.max(...delays)).toBeLessThanOrEqual(1.1 * hour + 1)
  // Of 400 that are spread evenly, all but never none is in the outer quarters.
  expect(Math.min(...delays)).toBeLessThan(0.95 * hour)
  expect(Math.max(...delays)).toBeGreaterThan(1.05 * hour)
})

test('0 starts nothing', async () => {
  const cleanup = startCleanup(0, () => unexpected(new Error('ran')), unexpected)
  expect(vi.getTimerCount()).toBe(0)
  await cleanup.stop()
  expect(vi.getTimerCount()).toBe(0)
})

test('two runs are never in progress at once', async () => {
  const { runs, run } = heldRun()
  startCleanup(second, run, unexpected)
  await vi.advanceTimersByTimeAsync(hour)
  expect(runs).toHaveLength(1)
  runs[0]?.end()
  await vi.advanceTimersByTimeAsync(0.8 * second)
  expect(runs).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(0.4 * second)
  expect(runs).toHaveLength(2)
})

test('an interval that is longer than what a timer can wait does not run at once', async () => {
  let runs = 0
  startCleanup(60 * day, () => runs++, unexpected)
  await vi.advanceTimersByTimeAsync(24 * day)
  expect(runs).toBe(0)
  await vi.advanceTimersByTimeAsync(60 * day)
  expect(runs).toBeGreaterThan(0)
})

test('the timer does not keep the process alive', () => {
  vi.useRealTimers()
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const cleanup = startCleanup(hour, () => undefined, unexpected)
  expect(timers()).toBe(before)
  return cleanup.stop()
})

describe('an error of a run', () => {
  test.each([
    [
      'throws',
      (error: Error) => {
        throw error
      },
    ],
    ['rejects', (error: Error) => Promise.reject(error)],
  ])('goes to onError when it %s, and the loop goes on', async (_how, fail) => {
    const heard: unknown[] = []
    const error = new Error('the database is down')
    startCleanup(
      second,
      () => fail(error),
      (heardError) => heard.push(heardError),
    )
    await vi.advanceTimersByTimeAsync(1.1 * second)
    expect(heard).toEqual([error])
    await vi.advanceTimersByTimeAsync(1.1 * second)
    expect(heard).toEqual([error, error])
  })

  test('does not make stop reject', async () => {
    const { runs, run } = heldRun()
    const heard: unknown[] = []
    const cleanup = startCleanup(second, run, (error) => heard.push(error))
    await vi.advanceTimersByTimeAsync(1.1 * second)
    const stopped = cleanup.stop()
    runs[0]?.fail('down')
    await stopped
    expect(heard).toEqual(['down'])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('stop', () => {
  test('at once: nothing ever runs', async () => {
    await startCleanup(second, () => unexpected(new Error('ran')), unexpected).stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('between two runs: there is no further one', async () => {
    let runs = 0
    const cleanup = startCleanup(second, () => runs++, unexpected)
    await vi.advanceTimersByTimeAsync(1.1 * second)
    await cleanup.stop()
    await vi.advanceTimersByTimeAsync(hour)
    expect(runs).toBe(1)
  })

  test('during a run: every call waits for its end', async () => {
    const { runs, run } = heldRun()
    const cleanup = startCleanup(second, run, unexpected)
    await vi.advanceTimersByTimeAsync(1.1 * second)
    const order: string[] = []
    const first = cleanup.stop().then(() => order.push('first stop'))
    const again = cleanup.stop().then(() => order.push('second stop'))
    await new Promise((resolve) => setImmediate(resolve))
    order.push('end of the run')
    runs[0]?.end()
    await Promise.all([first, again])
    expect(order).toEqual(['end of the run', 'first stop', 'second stop'])
    await cleanup.stop()
    await vi.advanceTimersByTimeAsync(hour)
    expect(runs).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('from within a run ends the loop', async () => {
    let runs = 0
    const cleanup = startCleanup(
      second,
      () => {
        runs++
        void cleanup.stop()
      },
      unexpected,
    )
    await vi.advanceTimersByTimeAsync(hour)
    expect(runs).toBe(1)
  })
})

describe('within', () => {
  /** A loop of an hour, and when it ran: minutes since it was started. */
  function timedLoop(run: () => unknown = () => undefined) {
    const start = Date.now()
    const minutes: number[] = []
    const cleanup = startCleanup(
      hour,
      () => {
        minutes.push(Math.round((Date.now() - start) / minute))
        return run()
      },
      () => {},
    )
    return { cleanup, minutes }
  }

  test('brings the next run forward, and only that', async () => {
    const { cleanup, minutes } = timedLoop()
    cleanup.within(10 * minute)
    await vi.advanceTimersByTimeAsync(60 * minute)
    expect(minutes).toEqual([10])
    await vi.advanceTimersByTimeAsync(20 * minute)
    expect(minutes).toHaveLength(2)
    expect(vi.getTimerCount()).toBe(1)
  })

  test('never puts a run off: of several, the earliest counts', async () => {
    const { cleanup, minutes } = timedLoop()
    cleanup.within(20 * minute)
    cleanup.within(10 * minute)
    cleanup.within(30 * minute)
    await vi.advanceTimersByTimeAsync(5 * minute)
    cleanup.within(6 * minute)
    await vi.advanceTimersByTimeAsync(45 * minute)
    expect(minutes).toEqual([10])
  })

  test('0 is at once, but not within the call', async () => {
    const { cleanup, minutes } = timedLoop()
    cleanup.within(0)
    expect(minutes).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(minutes).toEqual([0])
  })

  test('during a run, holds for the one that follows', async () => {
    const { runs, run } = heldRun()
    const { cleanup } = timedLoop(run)
    cleanup.within(0)
    await vi.advanceTimersByTimeAsync(1)
    cleanup.within(minute)
    cleanup.within(2 * minute)
    await vi.advanceTimersByTimeAsync(10 * minute)
    expect(runs).toHaveLength(1)
    runs[0]?.end()
    await vi.advanceTimersByTimeAsync(1)
    expect(runs).toHaveLength(2)
    runs[1]?.end()
    await vi.advanceTimersByTimeAsync(30 * minute)
    expect(runs).toHaveLength(2)
  })

  test.each(['during', 'after'])(
    '%s a run that fails, the whole interval passes first',
    async (when) => {
      const { runs, run } = heldRun()
      const { cleanup, minutes } = timedLoop(run)
      cleanup.within(0)
      await vi.advanceTimersByTimeAsync(1)
      if (when === 'during') cleanup.within(0)
      runs[0]?.fail('down')
      await vi.advanceTimersByTimeAsync(1)
      cleanup.within(0)
      await vi.advanceTimersByTimeAsync(50 * minute)
      expect(minutes).toEqual([0])
      await vi.advanceTimersByTimeAsync(20 * minute)
      expect(minutes).toHaveLength(2)
      runs[1]?.end()
      await vi.advanceTimersByTimeAsync(1)
      cleanup.within(0)
      await vi.advanceTimersByTimeAsync(1)
      expect(minutes).toHaveLength(3)
    },
  )

  test.each([
    ['a loop that was stopped', hour],
    ['a loop of 0', 0],
  ])('starts nothing on %s', async (_what, interval) => {
    const cleanup = startCleanup(interval, () => unexpected(new Error('ran')), unexpected)
    await cleanup.stop()
    cleanup.within(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('during a run that stop waits for, starts nothing', async () => {
    const { runs, run } = heldRun()
    const { cleanup } = timedLoop(run)
    cleanup.within(0)
    await vi.advanceTimersByTimeAsync(1)
    const stopped = cleanup.stop()
    cleanup.within(0)
    runs[0]?.end()
    await stopped
    expect(vi.getTimerCount()).toBe(0)
  })

  test('the timer does not keep the process alive', () => {
    vi.useRealTimers()
    const timers = () =>
      process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const cleanup = startCleanup(hour, () => undefined, unexpected)
    cleanup.within(minute)
    expect(timers()).toBe(before)
    return cleanup.stop()
  })
})
