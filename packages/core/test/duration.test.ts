import { describe, expect, test } from 'vitest'
import { checkedDuration, day, hour, minute, second } from '../src/duration.ts'

test('durations are milliseconds', () => {
  expect({ second, minute, hour, day }).toEqual({
    second: 1000,
    minute: 60_000,
    hour: 3_600_000,
    day: 86_400_000,
  })
})

describe('checkedDuration', () => {
  test.each([0, 0.5, 1, 30 * day, Number.MAX_VALUE])('gives %d back', (value) => {
    expect(checkedDuration('lifetime', value)).toBe(value)
  })

  test.each([
    -1,
    -Number.MIN_VALUE,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ])('refuses %d, and names the option and the value', (value) => {
    expect(() => checkedDuration('lifetime', value)).toThrow(
      new TypeError(
        `lifetime must be a finite number of milliseconds, zero or more; it is ${value}`,
      ),
    )
  })

  test.each([
    ['string', '1000'],
    ['bigint', 1000n],
    ['object', null],
    ['object', new Date(0)],
    ['undefined', undefined],
  ])('refuses a value of type %s, and names the option and the type', (type, value) => {
    expect(() => checkedDuration('idleTimeout', value)).toThrow(
      new TypeError(
        `idleTimeout must be a finite number of milliseconds, zero or more; it is of type ${type}`,
      ),
    )
  })
})
