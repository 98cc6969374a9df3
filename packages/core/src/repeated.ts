import { type Awaitable, orElse } from './awaitable.ts'
import { backoff } from './backoff.ts'
import { isOfTheCaller } from './errors.ts'

const mostFaults = 3

/**
 * What `call` gives, tried again when the store fails: three times, with a pause before each, unless it is `over`. For
 * what may be done twice.
 */
export function repeated<T>(
  call: () => Awaitable<T>,
  over: () => boolean,
  faults = 0,
): Awaitable<T> {
  return orElse(call, (error) => {
    if (faults >= mostFaults || isOfTheCaller(error) || over()) throw error
    return backoff(faults + 1).then(() => {
      if (over()) throw error
      return repeated(call, over, faults + 1)
    })
  })
}
