import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { timeOf } from '../src/json-time.ts'

const last = 8_640_000_000_000_000
const times = fc.oneof(
  fc.integer({ min: -last, max: last }),
  fc.integer({ min: Date.UTC(999, 0, 1), max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) }),
  fc.constantFrom(-62_135_596_800_000, -1, 0, 253_402_300_799_999, 253_402_300_800_000),
)
const digits = (length: number) =>
  fc.integer({ min: 0, max: 10 ** length - 1 }).map((n) => String(n).padStart(length, '0'))
// Right in its form, and mostly no time.
const texts = fc
  .tuple(digits(4), digits(2), digits(2), digits(2), digits(2), digits(2), digits(3))
  .map(([y, mo, d, h, m, s, ms]) => `${y}-${mo}-${d}T${h}:${m}:${s}.${ms}Z`)

describe('the time of a text', () => {
  it('is that of which toISOString gives it', () => {
    const property = fc.property(times, (time) => {
      expect(timeOf(new Date(time).toISOString())?.getTime()).toBe(time)
    })
    fc.assert(property, { numRuns: 20_000 })
  })

  it('is none where toISOString would give another', () => {
    const property = fc.property(texts, (text) => {
      const time = new Date(text)
      const isTime = !Number.isNaN(time.getTime()) && time.toISOString() === text
      expect(timeOf(text)?.getTime()).toBe(isTime ? time.getTime() : undefined)
    })
    fc.assert(property, { numRuns: 50_000 })
  })

  test.each([
    '2026-02-29T00:00:00.000Z',
    '2026-04-31T00:00:00.000Z',
    '2026-13-01T00:00:00.000Z',
    '2026-00-01T00:00:00.000Z',
    '2026-01-00T00:00:00.000Z',
    '2026-01-01T24:00:00.000Z',
    '2026-01-31T25:00:00.000Z',
    '2026-01-01T12:60:00.000Z',
    '2026-01-01T23:59:60.000Z',
    '2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00.000+00:00',
    ' 2026-01-01T00:00:00.000Z',
    '2026-01-01T00:00:00.000Z\n',
    '-000000-01-01T00:00:00.000Z',
    '+002026-01-01T00:00:00.000Z',
    '',
  ])('is none: %j', (text) => {
    expect(timeOf(text)).toBeUndefined()
  })

  it('is none of what is no string', () => {
    for (const value of [undefined, null, 0, new Date(0), {}]) expect(timeOf(value)).toBeUndefined()
  })
})
