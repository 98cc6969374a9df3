import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const source = (path: string): string => at(`./packages/${path}`)

// Tests run on the sources, so that coverage and stack traces speak of the files that one edits.
const alias = [
  { find: /^@scs\/core$/, replacement: source('core/src/index.ts') },
  { find: /^@scs\/express$/, replacement: source('express/src/index.ts') },
  { find: /^@scs\/fastify$/, replacement: source('fastify/src/index.ts') },
  { find: /^@scs\/fetch$/, replacement: source('fetch/src/index.ts') },
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

/**
 * What runs: `daily` is `npm test`; `rest` (`--mode rest`) is everything else, in `npm run test:rest`; `all` (`--mode all`)
 * is both. test/part.ts tells a test which.
 */
type Part = 'daily' | 'rest' | 'all'

interface ProjectTest {
  readonly include?: string[]
  readonly typecheck?: typeof typecheck
  readonly [option: string]: unknown
}

/** The files of a project that `npm test` leaves out, and those that run in both parts, each with something else. */
interface Parts {
  readonly rest?: readonly string[]
  readonly both?: readonly string[]
}

const filesOf = (part: Part, include: readonly string[], { rest = [], both = [] }: Parts) => {
  if (part === 'rest') return { include: [...rest, ...both] }
  return part === 'all' ? { include: [...include] } : { include: [...include], exclude: [...rest] }
}

const typecheck = {
  enabled: true,
  include: ['test/**/*.test-d.ts'],
  tsconfig: './tsconfig.test.json',
}

// Private PostgreSQL and MariaDB, started when a project that names this has tests to run.
const servers = at('./test/servers/global-setup.ts')
const redisServer = at('./test/servers/redis-global-setup.ts')

export default defineConfig(({ mode }) => {
  const part: Part = mode === 'rest' || mode === 'all' ? mode : 'daily'

  const project = (name: string, folder: string, test: ProjectTest = {}, parts: Parts = {}) => {
    const { include = ['test/**/*.test.ts'], typecheck: types, ...more } = test
    return {
      resolve: { alias },
      test: {
        name,
        root: at(folder),
        testTimeout: 60_000,
        hookTimeout: 60_000,
        env: { SCS_TESTS: part },
        ...filesOf(part, include, parts),
        ...(types && part !== 'rest' ? { typecheck: types } : {}),
        ...more,
      },
    }
  }

  return {
    test: {
      // Vitest leaves one core idle by default; most tests wait for a database.
      maxWorkers: '100%',
      projects: [
        project(
          'core',
          './packages/core',
          // Transcripts wait, as their recordings did.
          { typecheck, maxConcurrency: 12 },
          {
            rest: ['test/memory.test.ts'],
            both: ['test/golden.test.ts', 'test/model.test.ts', 'test/random-handlers.test.ts'],
          },
        ),
        project(
          'drizzle-store',
          './packages/drizzle-store',
          { typecheck, globalSetup: at('./test/servers/drizzle-global-setup.ts') },
          {
            rest: [
              'test/faults/*.test.ts',
              'test/{conflicts,create-table,cuts,dead-connections,drizzle-kit,faults,model,pgbouncer-conformance,prepared-statements,time-zones}.test.ts',
            ],
            both: [
              'test/{cleanup,conformance,drizzle-store,errors,leaks,swap,user-tables}.test.ts',
            ],
          },
        ),
        project('express', './packages/express', { typecheck, isolate: false }),
        project('fastify', './packages/fastify', { typecheck, isolate: false }),
        project('fetch', './packages/fetch', { typecheck, isolate: false }),
        project('hono', './packages/hono', { typecheck, isolate: false }),
        project('koa', './packages/koa', { typecheck, isolate: false }),
        project(
          'redis-store',
          './packages/redis-store',
          { typecheck, globalSetup: redisServer },
          {
            rest: [
              'test/faults/*.test.ts',
              'test/{cluster,cluster-servers,conflicts,wait}.test.ts',
            ],
            both: ['test/{conformance,errors,redis-store}.test.ts'],
          },
        ),
        project(
          'store-decorators',
          './packages/store-decorators',
          { typecheck },
          { rest: ['test/model.test.ts'] },
        ),
        project('store-tests', './packages/store-tests', { typecheck, isolate: false }),
        // Examples run as a reader runs them: on the built packages, each in a process of its own.
        project(
          'examples',
          '.',
          {
            include: ['examples/*/test/**/*.test.ts'],
            globalSetup: servers,
          },
          { rest: ['examples/serve/test/examples-page.test.ts'] },
        ),
        // One suite for every server; most of a case's time is waiting.
        project(
          'conversations',
          './test/conversations',
          {
            include: ['table.test.ts', 'cases/*.test.ts', 'responses/*.test.ts'],
            maxConcurrency: 20,
            isolate: false,
          },
          { both: ['cases/*.test.ts'] },
        ),
        // Debian's Chromium.
        project(
          'browser',
          './test/browser',
          { include: ['*.test.ts'], globalSetup: at('./test/browser/global-setup.ts') },
          { rest: ['*.test.ts'] },
        ),
        // Several database servers, which fail.
        project(
          'clusters',
          './packages/drizzle-store',
          {
            include: ['test-clusters/**/*.test.ts'],
            globalSetup: at('./test/servers/clusters-global-setup.ts'),
            fileParallelism: false,
          },
          { rest: ['test-clusters/**/*.test.ts'] },
        ),
        // An nginx of its own in front.
        project(
          'caches',
          './test/caches',
          { include: ['*.test.ts'], globalSetup: at('./test/caches/global-setup.ts') },
          { rest: ['*.test.ts'] },
        ),
        project('workspace', '.', {
          include: ['test/{servers,structure}/**/*.test.ts', 'scripts/test/**/*.test.ts'],
        }),
      ].filter(({ test }) => test.include.length > 0),
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
  }
})
