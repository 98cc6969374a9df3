import fc from 'fast-check'
import { expect, test } from 'vitest'
import { httpDate } from '../src/http/cookie.ts'

const first = -62_135_596_800 // the year 1
const seconds = fc.oneof(
  fc.integer({ min: first, max: Date.UTC(9999, 11, 31, 23, 59, 59) / 1000 }),
  // More days than are kept, and the same days again.
  fc.integer({ min: Date.UTC(2026, 0, 1) / 1000, max: Date.UTC(2029, 0, 1) / 1000 }),
  fc.constantFrom(first, -1, 0, 1, -86_400, -86_401, 86_399, 86_400),
)

test('httpDate(time) is new Date(time).toUTCString() for every whole second of the years 1 to 9999', () => {
  const property = fc.property(seconds, (second) => {
    const time = second * 1000
    expect(httpDate(time)).toBe(new Date(time).toUTCString())
  })
  fc.assert(property, { numRuns: 5000 })
})
