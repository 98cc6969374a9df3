import { expect, it } from 'vitest'
import { nextPageSize } from '../src/page-size.ts'

const sizes = { least: 1, most: 200 }

it('a page that is read within a millisecond is followed by one of twice as many rows', () => {
  expect(nextPageSize(1, 0.9, sizes)).toBe(2)
  expect(nextPageSize(64, 0, sizes)).toBe(128)
})

it('a page that stops the event loop for more than two is followed by one of half as many', () => {
  expect(nextPageSize(128, 2.1, sizes)).toBe(64)
  expect(nextPageSize(3, 100, sizes)).toBe(1)
})

it('a page that takes between one and two stays', () => {
  expect(nextPageSize(50, 1, sizes)).toBe(50)
  expect(nextPageSize(50, 2, sizes)).toBe(50)
})

it('no page is smaller or larger than the dialect has it', () => {
  expect(nextPageSize(1, 100, sizes)).toBe(1)
  expect(nextPageSize(128, 0, sizes)).toBe(200)
  expect(nextPageSize(200, 0, { least: 200, most: 200 })).toBe(200)
  expect(nextPageSize(200, 100, { least: 200, most: 200 })).toBe(200)
})
