import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const page = 'docs/express-session-tests.md'
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

const [, ...sections] = read(page).split(/^## /m)

describe.each([
  ['test/session.js', 142],
  ['test/cookie.js', 18],
])(`${page}, %s`, (file, cases) => {
  const section = sections.find((text) => text.startsWith(`${file}\n`)) ?? ''
  const rows = [...section.matchAll(/^\| (\d+) \| (.+) \| (.+) \|$/gm)]

  it('has a row for each case, by its line', () => {
    const lines = rows.map(([, line]) => Number(line))
    expect(lines).toHaveLength(cases)
    expect(lines).toEqual([...new Set(lines)].sort((a, b) => a - b))
  })

  it('names tests that exist, or says why there is none', () => {
    const wrong = rows.filter(
      ([, , , counterpart = '']) => !isReason(counterpart) && !isThere(counterpart),
    )
    expect(wrong.map(([row]) => row)).toEqual([])
  })
})

it('a row that names a test which is not there is found', () => {
  const here = '[this](../test/structure/express-session-tests.test.ts)'
  const name = 'names tests that exist, or says why there is none'
  expect(isThere(`${here} \`${name}\``)).toBe(true)
  expect(isThere(`${here} \`${name.slice(1)}\``)).toBe(false)
  expect(isThere(`${here} \`${name}\`; ${here} \`names tests\``)).toBe(false)
  expect(isThere('this one')).toBe(false)
})

function isReason(counterpart: string): boolean {
  return /^– \S/.test(counterpart)
}

// [file](path) `name of the test`; more of them
function isThere(counterpart: string): boolean {
  return counterpart.split(/; (?=\[)/).every((one) => {
    const [, path, name] = /^\[[\w-]+\]\(\.\.\/(\S+)\) `(.+)`$/.exec(one) ?? []
    if (path === undefined) return false
    // As the source writes it: in quotes of some kind.
    return ["'", '"', '`'].some((quote) => read(path).includes(quote + name + quote))
  })
}
