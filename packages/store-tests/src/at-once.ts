const chunk = 50

/**
 * Calls `fn` for every item, 50 at a time: enough to be quick, not so many that a pool of
 * connections gives up.
 */
export async function inChunks<T>(
  items: readonly T[],
  fn: (item: T) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < items.length; start += chunk) {
    await allOf(items.slice(start, start + chunk).map(fn))
  }
}

/** Calls `fn` with 0, 1, … `times` - 1 at once, and gives the results in that order. */
export function atOnce<T>(times: number, fn: (index: number) => Promise<T>): Promise<T[]> {
  return allOf(Array.from({ length: times }, (_, index) => fn(index)))
}

/**
 * As `Promise.all`, but waits for the rest when one rejects: a call that is still running would
 * otherwise meet the clean-up of its case.
 */
export async function allOf<T>(running: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(running)
  return Promise.all(running)
}
