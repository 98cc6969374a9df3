/** One second in milliseconds, the unit of every duration in this package. */
export const second: number = 1000

/** One minute in milliseconds. */
export const minute: number = 60 * second

/** One hour in milliseconds. */
export const hour: number = 60 * minute

/** One day of 24 hours in milliseconds. */
export const day: number = 24 * hour

/** The longest delay of a timer, about 25 days: Node turns a longer one into 1 ms. */
export const longestDelay: number = 2 ** 31 - 1

/**
 * Throws a TypeError that names `option` unless `value` is a finite number of milliseconds, zero or
 * more; for the constructors of managers and stores. Returns the value.
 */
export function checkedDuration(option: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new TypeError(
      `${option} must be a finite number of milliseconds, zero or more; it is ${typeof value === 'number' ? value : `of type ${typeof value}`}`,
    )
  }
  return value
}
