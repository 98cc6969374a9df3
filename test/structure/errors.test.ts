import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string) => readFileSync(root + path, 'utf8')

/** Codes in string literals: what is thrown, and what a type declares. */
const thrown = new Set(
  globSync('packages/*/src/**/*.ts', { cwd: root }).flatMap((file) => codesIn(read(file))),
)
const rows = [...read('docs/errors.md').matchAll(/^\| (`ERR_.+?`) \| (.+) \| (.+) \|$/gm)]
const explained = rows.flatMap(([, codes = '']) => codes.match(/ERR_\w+/g) ?? [])

it('every error code of the packages is in docs/errors.md, once', () => {
  expect([...explained].sort()).toEqual([...thrown].sort())
})

it('every code in docs/errors.md has a cause and a cure', () => {
  expect(rows.length).toBeGreaterThan(0)
  for (const [row, , cause = '', cure = ''] of rows) {
    expect(cause.trim() && cure.trim(), row).not.toBe('')
  }
})

it('codes are found in literals of every kind, and nowhere else', () => {
  expect(codesIn(`throw new E('ERR_A', "ERR_B_2", \`ERR_C\`) // ERR_D`)).toEqual([
    'ERR_A',
    'ERR_B_2',
    'ERR_C',
  ])
})

function codesIn(text: string): string[] {
  return [...text.matchAll(/(['"`])(ERR_\w+)\1/g)]
    .filter(({ index }) => !isComment(text, index))
    .flatMap(([, , code]) => code ?? [])
}

// Of documentation: a line that begins with a star.
function isComment(text: string, index: number): boolean {
  return /^\s*(?:\*|\/\*|\/\/)/.test(text.slice(text.lastIndexOf('\n', index) + 1, index + 1))
}
