/** Two decimals, or three digits. */
export function rounded(value: number): number {
  return Number(value < 10 ? value.toFixed(2) : value.toPrecision(3))
}
