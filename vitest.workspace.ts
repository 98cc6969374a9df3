import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string =>
  fileURLToPath(new URL(`./packages/${path}`, import.meta.url))

// Tests run on the sources, so that coverage and stack traces speak of the files that one edits.
const alias = [
  { find: /^@scs\/core$/, replacement: source('core/src/index.ts') },
  { find: /^@scs\/store-tests$/, replacement: source('store-tests/src/index.ts') },
  { find: /^@scs\/drizzle-store$/, replacement: source('drizzle-store/src/index.ts') },
  {
    find: /^@scs\/drizzle-store\/(pg|mysql|sqlite)$/,
    replacement: source('drizzle-store/src/$1.ts'),
  },
]

const project = (name: string, folder: string) => ({
  resolve: { alias },
  test: {
    name,
    root: fileURLToPath(new URL(folder, import.meta.url)),
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    typecheck: {
      enabled: true,
      include: ['test/**/*.test-d.ts'],
      tsconfig: './tsconfig.test.json',
    },
  },
})

export default defineConfig({
  test: {
    projects: [
      project('core', './packages/core'),
      project('drizzle-store', './packages/drizzle-store'),
      project('store-tests', './packages/store-tests'),
    ],
    coverage: { provider: 'v8', include: ['packages/*/src/**'] },
  },
})
