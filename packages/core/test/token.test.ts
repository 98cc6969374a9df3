import { describe, expect, test } from 'vitest'
import { generateToken, hashToken, isWellFormedToken } from '../src/session/token.ts'

describe('generateToken', () => {
  test('gives 32 bytes as base64url without padding: 43 characters', () => {
    const token = generateToken()
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(Buffer.from(token, 'base64url')).toHaveLength(32)
    expect(isWellFormedToken(token)).toBe(true)
  })

  test('gives another token each time', () => {
    const tokens = Array.from({ length: 1000 }, generateToken)
    expect(new Set(tokens).size).toBe(1000)
  })
})

describe('hashToken', () => {
  // FIPS 180-2 appendix B.1 has these digests in hexadecimal.
  test.each([
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ])('is the SHA-256 of %j as base64url', (token, digest) => {
    expect(hashToken(token)).toBe(Buffer.from(digest, 'hex').toString('base64url'))
  })

  test('is a well-formed token too', () => {
    expect(isWellFormedToken(hashToken(generateToken()))).toBe(true)
  })
})

describe('isWellFormedToken', () => {
  test.each(['a', '-', '_', 'azAZ09-_', 'x'.repeat(43)])('takes %j', (token) => {
    expect(isWellFormedToken(token)).toBe(true)
  })

  test.each([
    ['nothing', undefined],
    ['the empty string', ''],
    ['44 characters', 'x'.repeat(44)],
    ['64 KB', 'x'.repeat(65_536)],
    ['a space', 'a b'],
    ['a trailing space', 'a '],
    ['a line break at the end', 'a\n'],
    ['a line break in between', 'a\nb'],
    ['a NUL', 'a\0b'],
    ['a percent escape', 'a%00'],
    ['padding', 'YQ=='],
    ['the other base64 alphabet', 'a+b/c'],
    ['a dot', 'a.b'],
    ['quotes', '"a"'],
    ['an umlaut', 'ä'],
    ['Cyrillic а', 'а'],
    ['a full-width letter', 'ａ'],
    ['a dotless i', 'ı'],
    ['a Kelvin sign', '\u212a'],
    ['half a surrogate pair', '\ud83d'],
  ])('refuses %s', (_what, token) => {
    expect(isWellFormedToken(token)).toBe(false)
  })
})
