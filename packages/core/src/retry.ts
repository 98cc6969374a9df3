import { setTimeout as delay } from 'node:timers/promises'
import { type Awaitable, orElse } from './awaitable.ts'
import type { Timeout } from './timeout.ts'

/** How often a call is repeated after the store has failed. */
export const mostFaults = 3

const longestPause = 64

/** Exponential backoff with full jitter: requests that met at one row do not meet again. */
export function pause(tries: number): Promise<void> {
  return delay(Math.random() * Math.min(2 ** tries, longestPause))
}

/** What `call` gives; when the store fails, it is called again, up to three times. For idempotent calls. */
export function retried<T>(
  call: () => Awaitable<T>,
  timeout: Timeout,
  operation: string,
): Awaitable<T> {
  const run = () => timeout.wait(call(), operation)
  return orElse(run, async (fault) => {
    let error = fault
    for (let faults = 1; faults <= mostFaults && !timeout.isOver; faults++) {
      await timeout.wait(pause(faults), operation)
      try {
        return await run()
      } catch (next) {
        error = next
      }
    }
    throw error
  })
}
