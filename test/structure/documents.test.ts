import { readFileSync } from 'node:fs'
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
