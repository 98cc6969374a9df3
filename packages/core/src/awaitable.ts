/** What may be there at once or come later. */
export type Awaitable<T> = T | PromiseLike<T>

/** Whether `value` must be waited for. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}

/**
 * `next` with the value, at once where it is there: a store that answers synchronously costs no promise and holds
 * no response.
 */
export function andThen<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isThenable(value) ? value.then(next) : next(value)
}

/** What `run` gives, or what `recover` makes of the error that it throws or rejects with. */
export function orElse<T>(
  run: () => Awaitable<T>,
  recover: (error: unknown) => Awaitable<T>,
): Awaitable<T> {
  try {
    const value = run()
    return isThenable(value) ? value.then(undefined, recover) : value
  } catch (error) {
    return recover(error)
  }
}
