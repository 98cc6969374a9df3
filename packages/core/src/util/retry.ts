import { setTimeout as delay } from 'node:timers/promises'
import { type Awaitable, orElse } from './promises.ts'
import type { Timeout } from './timeout.ts'

/** How often a call is repeated after the store has failed. */
export const mostFaults = 3

const longestPause = 64

/** Exponential backoff with full jitter: requests that conflicted do not conflict again. */
export function pause(tries: number): Promise<void> {
  return delay(Math.random() * Math.min(2 ** tries, longestPause))
}

/**
 * What `call` gives; when the store fails, it is called again, up to three times. For idempotent
 * calls.
 */
export function retried<T>(
  call: () => Awaitable<T>,
  timeout: Timeout,
  operation: string,
  faults = 0,
): Awaitable<T> {
  return orElse(
    () => timeout.wait(call(), operation),
    async (fault) => {
      if (faults === mostFaults || timeout.isOver) throw fault
      await timeout.wait(pause(faults + 1), operation)
      return retried(call, timeout, operation, faults + 1)
    },
  )
}
