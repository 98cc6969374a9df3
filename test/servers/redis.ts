import { findProgram } from './find-program.ts'
import type { TestServer } from './test-server.ts'

/** Redis, from `redis-server` of this machine. */
export const redis: TestServer = {
  name: 'Redis',
  variable: 'SCS_TEST_REDIS_URL',
  provided: 'redisUrl',
  composeUrl: 'redis://127.0.0.1:63799',
  package: 'redis-server',
  tests: 'those of redis-store',

  url: (port) => `redis://127.0.0.1:${port}`,

  recipe() {
    const server = findProgram('redis-server')
    if (server === undefined) return undefined
    return {
      name: 'Redis',
      account: 'redis',
      prepare: () => ['true'],
      serve: (directory, port) => [
        // It tells of itself on stdout.
        ...['/bin/sh', '-c', 'exec "$0" "$@" >&2', server],
        ...['--bind', '127.0.0.1', '--port', String(port), '--dir', directory],
        // The data lives as long as the test run.
        ...['--save', '', '--appendonly', 'no'],
      ],
      stopSignal: 'TERM',
      ready: /Ready to accept connections/,
    }
  },
}
