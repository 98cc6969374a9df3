import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

it('docs/writing-a-store.md opens with the store that a test runs through the kit', () => {
  const [, first] = read('docs/writing-a-store.md').match(/```ts\n(.*?)```/s) ?? []
  expect(first).toBe(read('examples/custom-store/src/file-store.ts'))
})

it('docs/testing.md shows a test that runs', () => {
  const [, example] = read('docs/testing.md').match(/```ts\n(.*?)```/s) ?? []
  expect(`// The code of docs/testing.md.\n${example}`).toBe(
    read('packages/core/test/testing-handlers.test.ts'),
  )
})

it('the README shows the program of examples/hello', () => {
  const [, first = ''] = read('README.md').match(/```ts\n(.*?)```/s) ?? []
  const middleware = /sessionManager\.loadAndSave\(.*?\n {2}\}\),\n/s
  expect(first.match(middleware)?.[0]).toBeDefined()
  expect(first.match(middleware)?.[0]).toBe(
    read('examples/hello/src/server.ts').match(middleware)?.[0],
  )
})

// Without it, a connection that breaks while postgres.js fetches types ends the process.
it('every client of postgres.js, in documents, examples, tests and benches, has fetch_types: false', () => {
  const cwd = new URL('../../', import.meta.url).pathname
  const files = globSync(['*.md', 'docs/**/*.md', '{packages,examples,bench,test}/**/*.{ts,md}'], {
    cwd,
    exclude: ['**/node_modules/**', '**/dist/**'],
  })
  const calls = files.flatMap((file) =>
    [...read(file).matchAll(/(?<!async )\bpostgres\((?:[^()]|\([^()]*\))*\)/g)].map(
      ([call]) => [file, call] as const,
    ),
  )
  const clients = calls.filter(([file]) => !file.startsWith('test/structure/'))
  expect(clients.length).toBeGreaterThan(5)
  expect(clients.filter(([, call]) => !call.includes('fetch_types: false'))).toEqual([])
})
