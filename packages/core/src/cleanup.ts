import { longestDelay } from './duration.ts'
import { guarded } from './guarded.ts'

/** A cleanup loop that is running, or was. */
export interface Cleanup {
  /**
   * Ends the loop and waits for a run in progress. Idempotent: every call waits for the same end.
   */
  stop(): Promise<void>
}

/**
 * Calls `run` about every `interval` milliseconds (10 % jitter either way, so that many processes do not clean at
 * once) until it is stopped; never two runs at a time, the first after one interval. The timer does not keep the
 * process alive. For store packages.
 *
 * @param interval milliseconds; 0: no loop, `stop` is a no-op
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

  async function tick(): Promise<void> {
    try {
      await run()
    } catch (error) {
      report(error)
    } finally {
      schedule()
    }
  }

  function schedule(): void {
    if (stopped) return
    const jittered = interval * (0.9 + Math.random() * 0.2)
    timer = setTimeout(
      () => {
        running = tick()
      },
      Math.min(jittered, longestDelay),
    ).unref()
  }

  schedule()
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
      return running
    },
  }
}
