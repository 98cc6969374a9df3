import { isThenable } from './awaitable.ts'

/**
 * `callback`, without its errors: what it throws, or rejects with, is logged. A callback that only reports must not make
 * the work fail that it reports on, nor end the process.
 */
export function guarded<Args extends unknown[]>(
  callback: (...args: Args) => unknown,
): (...args: Args) => void {
  return (...args) => {
    try {
      const result = callback(...args)
      if (isThenable(result)) result.then(undefined, log)
    } catch (error) {
      log(error)
    }
  }
}

function log(error: unknown): void {
  console.error('scs: a callback for errors has failed:', error)
}
