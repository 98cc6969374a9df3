/** Nothing, made once: most sessions have no merges, no doubts and no leftovers. */
export const none: readonly never[] = []

/** `items` with `item`, once. A new array of just that size: a Set of one item takes five times the memory. */
export function including<T>(items: readonly T[], item: T): readonly T[] {
  if (items.length === 0) return [item]
  return items.includes(item) ? items : [...items, item]
}

/** `items` without `item`. */
export function excluding<T>(items: readonly T[], item: T): readonly T[] {
  if (!items.includes(item)) return items
  return items.length === 1 ? none : items.filter((other) => other !== item)
}
