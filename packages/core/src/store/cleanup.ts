import { longestDelay } from '../duration.ts'
import { guarded } from '../util/promises.ts'

/** A cleanup loop. */
export interface Cleanup {
  /**
   * Ends the loop and waits for a run in progress. Idempotent: every call waits for the same end.
   */
  stop(): Promise<void>
  /**
   * Brings the next run forward: it begins in `milliseconds` at the latest; 0 or less: at once. For
   * a store that has many rows to remove. During a run, it holds for the one that follows. Does
   * nothing when the loop has ended, and after a run that failed: the whole interval passes first.
   */
  within(milliseconds: number): void
}

/**
 * Calls `run` about every `interval` milliseconds (10 % jitter either way, so that many processes
 * do not clean at once) until it is stopped, and sooner after {@link Cleanup.within}; never two
 * runs at a time, the first after one interval. The timer does not keep the process alive. For
 * stores.
 *
 * @param interval milliseconds; 0: no loop, `stop` and `within` do nothing
 * @param onError receives what `run` throws or rejects with; the loop goes on. Its own errors are
 * logged
 */
export function startCleanup(
  interval: number,
  run: () => unknown,
  onError: (error: unknown) => void,
): Cleanup {
  const report = guarded(onError)
  let stopped = interval === 0
  let running: Promise<void> = Promise.resolve()
  /** `undefined` during a run. */
  let timer: NodeJS.Timeout | undefined
  /** When the next run begins; during a run, when the one that follows must begin at the latest. */
  let due: number

  async function tick(): Promise<void> {
    timer = undefined
    due = Number.POSITIVE_INFINITY
    try {
      await run()
      schedule(Math.min(due, afterInterval()))
    } catch (error) {
      schedule(afterInterval())
      // Nothing brings forward the run that follows a failure.
      due = Number.NEGATIVE_INFINITY
      report(error)
    }
  }

  function schedule(time: number): void {
    due = time
    if (stopped) return
    clearTimeout(timer)
    const delay = Math.max(due - performance.now(), 0)
    timer = setTimeout(
      () => {
        running = tick()
      },
      Math.min(delay, longestDelay),
    ).unref()
  }

  function afterInterval(): number {
    return performance.now() + interval * (0.9 + Math.random() * 0.2)
  }

  schedule(afterInterval())
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
      return running
    },
    within(milliseconds) {
      const time = performance.now() + Math.max(milliseconds, 0)
      if (time >= due) return
      if (timer) schedule(time)
      else due = time
    },
  }
}
