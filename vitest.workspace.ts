import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const source = (path: string): string => at(`./packages/${path}`)

// Tests run on the sources, so that coverage and stack traces speak of the files that one edits.
const alias = [
  { find: /^@scs\/core$/, replacement: source('core/src/index.ts') },
  { find: /^@scs\/express$/, replacement: source('express/src/index.ts') },
  { find: /^@scs\/fastify$/, replacement: source('fastify/src/index.ts') },
  { find: /^@scs\/hono$/, replacement: source('hono/src/index.ts') },
  { find: /^@scs\/koa$/, replacement: source('koa/src/index.ts') },
  { find: /^@scs\/store-tests$/, replacement: source('store-tests/src/index.ts') },
  { find: /^@scs\/store-decorators$/, replacement: source('store-decorators/src/index.ts') },
  { find: /^@scs\/redis-store$/, replacement: source('redis-store/src/index.ts') },
  { find: /^@scs\/drizzle-store$/, replacement: source('drizzle-store/src/index.ts') },
  {
    find: /^@scs\/drizzle-store\/(pg|mysql|sqlite)$/,
    replacement: source('drizzle-store/src/$1.ts'),
  },
]

const project = (name: string, folder: string, test: object = {}) => ({
  resolve: { alias },
  test: {
    name,
    root: at(folder),
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    ...test,
  },
})

const typecheck = {
  enabled: true,
  include: ['test/**/*.test-d.ts'],
  tsconfig: './tsconfig.test.json',
}

// Private PostgreSQL and MariaDB, started when a project that names this has tests to run.
const servers = at('./test/servers/global-setup.ts')
const redisServer = at('./test/servers/redis-global-setup.ts')

export default defineConfig({
  test: {
    projects: [
      project('core', './packages/core', { typecheck }),
      project('drizzle-store', './packages/drizzle-store', {
        typecheck,
        globalSetup: at('./test/servers/drizzle-global-setup.ts'),
      }),
      project('express', './packages/express', { typecheck }),
      project('fastify', './packages/fastify', { typecheck }),
      project('hono', './packages/hono', { typecheck }),
      project('koa', './packages/koa', { typecheck }),
      project('redis-store', './packages/redis-store', { typecheck, globalSetup: redisServer }),
      project('store-decorators', './packages/store-decorators', { typecheck }),
      project('store-tests', './packages/store-tests', { typecheck }),
      // Examples run as a reader runs them: on the built packages, each in a process of its own.
      project('examples', '.', {
        include: ['examples/*/test/**/*.test.ts'],
        globalSetup: servers,
      }),
      // One suite for every server; most of a case's time is waiting.
      project('conversations', './test/conversations', {
        include: ['table.test.ts', 'cases/*.test.ts', 'responses/*.test.ts'],
        maxConcurrency: 20,
        isolate: false,
      }),
      // Debian's Chromium.
      project('browser', './test/browser', {
        include: ['*.test.ts'],
        globalSetup: at('./test/browser/global-setup.ts'),
      }),
      // Several database servers, which fail.
      project('clusters', './packages/drizzle-store', {
        include: ['test-clusters/**/*.test.ts'],
        globalSetup: at('./test/servers/clusters-global-setup.ts'),
        fileParallelism: false,
      }),
      // An nginx of its own in front.
      project('caches', './test/caches', {
        include: ['*.test.ts'],
        globalSetup: at('./test/caches/global-setup.ts'),
      }),
      project('workspace', '.', {
        include: ['test/{servers,structure}/**/*.test.ts', 'scripts/test/**/*.test.ts'],
      }),
    ],
    reporters: [
      'default',
      at('./test/conversations/table-reporter.ts'),
      at('./test/conformance/table-reporter.ts'),
      at('./scripts/tally-reporter.ts'),
    ],
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**'],
      reporter: ['text', 'html'],
      thresholds: { lines: 95, branches: 95 },
    },
  },
})
