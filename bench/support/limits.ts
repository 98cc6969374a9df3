import { rounded } from './rounded.ts'
import { medianOf } from './statistics.ts'

/** A figure that has a limit. */
export interface Limit {
  readonly name: string
  readonly value: number
  /** The lowest and the highest round, where there are several. */
  readonly spread?: readonly [number, number]
  readonly most: number
  /** Of all of them; '' for ratios. */
  readonly unit: '' | 'MB' | 'ms'
}

/** A limit on the median of the rounds' ratios. */
export function limitOfRounds(name: string, most: number, ratios: readonly number[]): Limit {
  const spread = [Math.min(...ratios), Math.max(...ratios)] as const
  return { name, value: medianOf(ratios), spread, most, unit: '' }
}

/** The columns of {@link limitRow}. */
export const limitColumns = ['', 'figure', 'lowest to highest round', 'at most', '']

/** A limit as it is to be read. */
export function limitRow({ name, value, spread, most, unit }: Limit): string[] {
  return [
    name,
    `${onItsSide(value, most)} ${unit}`.trim(),
    spread ? spread.map(rounded).join(' to ') : '',
    `${most} ${unit}`.trim(),
    value <= most ? 'ok' : 'not met',
  ]
}

// With the digits that it takes to see on which side of the limit it is: 1.151 is no 1.15.
function onItsSide(value: number, most: number): number {
  let shown = rounded(value)
  for (let digits = 3; shown <= most !== value <= most; digits++) {
    shown = Number(value.toFixed(digits))
  }
  return shown
}
