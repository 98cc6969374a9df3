// Runs a task of package.json, after installing and building what is not up to date. Plain JavaScript without a
// dependency, like setup.mjs: it begins on whatever Node the user has, and goes on with the project's own.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const ownNode = `${root}node_modules/.bin/node`

const vitest = 'node_modules/vitest/vitest.mjs'
const config = ['--config', 'vitest.workspace.ts']
const tests = [vitest, 'run', ...config]
const table = (name) => [
  `--reporter=./test/${name}/table-reporter.ts`,
  '--reporter=./scripts/tally-reporter.ts',
]

const tasks = {
  start: ['examples/hello/dist/main.js'],
  dev: [vitest, ...config],
  test: tests,
  'test:rest': ['scripts/test-rest.ts'],
  'test:nodes': ['scripts/test-nodes.ts'],
  'check:rest': ['scripts/check-rest.ts'],
  coverage: [...tests, '--mode', 'all', '--coverage'],
  conversations: [
    ...tests,
    ...['--mode', 'all', '--project', 'conversations'],
    ...table('conversations'),
  ],
  conformance: [
    ...tests,
    ...['--mode', 'all', '--testNamePattern=keeps the promises of a store'],
    ...['store-tests', 'drizzle-store', 'redis-store', 'clusters'].flatMap((project) => [
      '--project',
      project,
    ]),
    '--typecheck.enabled=false',
    ...table('conformance'),
    ...['test-store.test', 'conformance.test', 'cluster.test', 'galera.test'],
  ],
  'gate:random': ['packages/core/test/gate/main.ts'],
  bench: [],
}

/** `npm run bench -- <name>`; without a name, the first. */
const benches = {
  http: 'bench/http/main.ts',
  profile: 'bench/http/profile.ts',
  micro: 'bench/micro/main.ts',
  codec: 'bench/codec/main.ts',
  growth: 'bench/growth/main.ts',
  flood: 'bench/growth/flood.ts',
  concurrency: 'bench/concurrency/main.ts',
}

const [task, ...args] = process.argv.slice(2)
const command = [...chosen('task', tasks, task), ...(task === 'bench' ? bench(args) : args)]

await import('./setup.mjs')
run(existsSync(ownNode) ? ownNode : process.execPath, command)

function bench(given) {
  const isNamed = given.length > 0 && !given[0].startsWith('-')
  const [name, ...rest] = isNamed ? given : ['http', ...given]
  return [chosen('bench', benches, name), ...rest]
}

function chosen(what, all, name) {
  if (name !== undefined && Object.hasOwn(all, name)) return all[name]
  console.error(`scs: there is no ${what} ${name}; there are: ${Object.keys(all).join(' ')}`)
  process.exit(1)
}

function run(node, nodeArgs) {
  const child = spawn(node, nodeArgs, { cwd: root, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal sends SIGINT to the child as well.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY) || child.kill(signal))
  }
  child.on('error', (error) => {
    console.error(`scs: ${node} could not be started: ${error.message}`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal]
  })
}
