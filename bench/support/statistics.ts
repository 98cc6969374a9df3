/** The middle one, or the mean of the two in the middle; NaN of none. */
export function medianOf(numbers: readonly number[]): number {
  const sorted = Float64Array.from(numbers).sort()
  const below = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  const above = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  return (below + above) / 2
}

/** The number that the share `q` of all lies below; NaN of none. */
export function quantileOf(numbers: readonly number[], q: number): number {
  const sorted = Float64Array.from(numbers).sort()
  return sorted[Math.min(Math.floor(sorted.length * q), sorted.length - 1)] ?? Number.NaN
}

/** `a ÷ b`, pair by pair: what else the machine does falls on both. */
export function ratiosOf(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, i) => value / (b[i] ?? Number.NaN))
}
