import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { httpDate, isoDate } from '../src/date-text.ts'

const first = -62_135_596_800_000 // the year 1
const times = fc.oneof(
  fc.integer({ min: first, max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) }),
  // More than are kept, and the same ones again.
  fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) }),
  fc.constantFrom(first, -1, 0, 1, -86_400_000, -86_400_001, 86_399_999, 86_400_000),
)

describe('texts of dates', () => {
  it('are those of Date', () => {
    const property = fc.property(times, (time) => {
      expect(isoDate(time)).toBe(new Date(time).toISOString())
      expect(httpDate(time)).toBe(new Date(time).toUTCString())
    })
    fc.assert(property, { numRuns: 5000 })
  })
})
