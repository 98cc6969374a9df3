import type { PageSizes } from './dialect.ts'

// Milliseconds. A reader's own work on a page comes on top of it.
const short = 1
const long = 2

/**
 * Rows in the page that follows one of `size` rows, for which the event loop stood still for
 * `blocked` milliseconds.
 */
export function nextPageSize(size: number, blocked: number, { least, most }: PageSizes): number {
  if (blocked > long) return Math.max(Math.floor(size / 2), least)
  return blocked < short ? Math.min(2 * size, most) : size
}
