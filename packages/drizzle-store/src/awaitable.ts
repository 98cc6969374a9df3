import type { Awaitable } from '@scs/core'

/** Whether there is something to wait for. */
export function isPending<T>(value: Awaitable<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

/** Applies `fn` now, or when the value is there: what is synchronous stays so. */
export function map<T, U>(value: Awaitable<T>, fn: (value: T) => U): Awaitable<U> {
  return isPending(value) ? value.then(fn) : fn(value)
}
