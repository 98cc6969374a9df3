import { describe, expect, it } from 'vitest'
import { paceOf } from '../src/cleanup-pace.ts'

const second = 1_000
const minute = 60 * second

describe('a pause', () => {
  it('is 39 times as long as the batch has taken, where the run is short beside the time since the last', () => {
    expect(paceOf(2, 2, 60 * minute).rest).toBeCloseTo(78, 3)
  })

  it('is 150 ms at most, however long a batch takes', () => {
    expect(paceOf(minute, 1, 60 * minute).rest).toBeCloseTo(150, 3)
  })

  it('shrinks as the run takes more of the time since the last, to nothing at a quarter of it', () => {
    const rests = [0, 5, 10, 15, 20, 40].map((elapsed) => paceOf(1, elapsed, 80).rest)
    expect(rests).toEqual([39, 29.25, 19.5, 9.75, 0, 0])
  })

  it('is nothing when a run follows another at once', () => {
    expect(paceOf(1, 1, 0).rest).toBe(0)
    expect(paceOf(0, 0, 0).rest).toBe(0)
  })
})

it('the run is in a hurry when half of that quarter is over', () => {
  expect(paceOf(1, 9, 80).isHurried).toBe(false)
  expect(paceOf(1, 10, 80).isHurried).toBe(true)
})
