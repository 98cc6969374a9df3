/** The middle one; NaN of none. */
export function medianOf(numbers: readonly number[]): number {
  return quantileOf(numbers, 0.5)
}

/** The number that the share `q` of all lies below; NaN of none. */
export function quantileOf(numbers: readonly number[], q: number): number {
  const sorted = Float64Array.from(numbers).sort()
  return sorted[Math.min(Math.floor(sorted.length * q), sorted.length - 1)] ?? Number.NaN
}

/** The median of `of(a, b)`, pair by pair: what else the machine does falls on both. */
export function medianOfPairs(
  a: readonly number[],
  b: readonly number[],
  of: (a: number, b: number) => number = (a, b) => a / b,
): number {
  return medianOf(a.map((value, i) => of(value, b[i] ?? Number.NaN)))
}
