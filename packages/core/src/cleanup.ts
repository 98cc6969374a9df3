import { longestDelay } from './duration.ts'
import { guarded } from './guarded.ts'

/** A cleanup loop that is running, or was. */
export interface Cleanup {
  /**
   * Ends the loop and waits for a run in progress. Idempotent: every call waits for the same end.
   */
  stop(): Promise<void>
  /**
   * The next run begins in `milliseconds` at the latest (at once: 0, or less), where that is sooner than the interval: for a store that learns
   * of many rows to remove. During a run, it holds for the one that follows. Nothing happens when the loop has ended, and
   * after a run that failed: then the whole interval passes first.
   */
  within(milliseconds: number): void
}

/**
 * Calls `run` about every `interval` milliseconds (10 % jitter either way, so that many processes do not clean at
 * once) until it is stopped, and sooner where {@link Cleanup.within} says so; never two runs at a time, the first after one
 * interval. The timer does not keep the process alive. For store packages.
 *
 * @param interval milliseconds; 0: no loop, `stop` and `within` do nothing
 * @param onError receives what `run` throws or rejects with; the loop goes on. What it throws itself is logged
 */
export function startCleanup(
  interval: number,
  run: () => unknown,
  onError: (error: unknown) => void,
): Cleanup {
  const report = guarded(onError)
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  let stopped = interval === 0
  let isRunning = false
  let hasFailed = false
  /** When the next run begins; during a run, when it must begin at the latest. */
  let due = Number.POSITIVE_INFINITY

  async function tick(): Promise<void> {
    isRunning = true
    hasFailed = false
    due = Number.POSITIVE_INFINITY
    try {
      await run()
    } catch (error) {
      hasFailed = true
      due = Number.POSITIVE_INFINITY
      report(error)
    } finally {
      isRunning = false
      schedule(Math.min(jittered(interval), Math.max(due - performance.now(), 0)))
    }
  }

  function schedule(delay: number): void {
    if (stopped) return
    due = performance.now() + delay
    timer = setTimeout(
      () => {
        running = tick()
      },
      Math.min(delay, longestDelay),
    ).unref()
  }

  schedule(jittered(interval))
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
      return running
    },
    within(milliseconds) {
      if (stopped || hasFailed) return
      const delay = Math.max(milliseconds, 0)
      const time = performance.now() + delay
      if (time >= due) return
      if (isRunning) {
        due = time
        return
      }
      clearTimeout(timer)
      schedule(delay)
    },
  }
}

function jittered(interval: number): number {
  return interval * (0.9 + Math.random() * 0.2)
}
