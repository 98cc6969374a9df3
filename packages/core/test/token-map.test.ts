import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TokenMap } from '../src/token-map.ts'

test('is a Map of any tokens, in any order', () => {
  const token = fc.oneof(
    fc.base64String({ maxLength: 12 }),
    fc.constantFrom('', 'a', 'x'.repeat(8)),
  )
  const change = fc.tuple(token, fc.option(fc.nat(), { nil: undefined }))
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const tokens = new TokenMap<number>()
      const expected = new Map<string, number>()
      for (const [token, value] of changes) {
        if (value === undefined) {
          tokens.delete(token)
          expected.delete(token)
        } else {
          tokens.set(token, value)
          expected.set(token, value)
        }
        expect(tokens.get(token)).toBe(expected.get(token))
      }
      expect(new Map(tokens)).toEqual(expected)
    }),
  )
})

test('lets entries be deleted while one goes through it', () => {
  const tokens = new TokenMap<number>()
  const all = Array.from({ length: 500 }, (_, n) => `token-${n}-${n % 7}`)
  for (const [n, token] of all.entries()) tokens.set(token, n)
  const seen: string[] = []
  for (const [token] of tokens) {
    seen.push(token)
    tokens.delete(token)
  }
  expect(seen.toSorted()).toEqual(all.toSorted())
  expect([...tokens]).toEqual([])
})
