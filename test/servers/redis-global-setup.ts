import type { TestProject } from 'vitest/node'
import { ensureProgram } from './ensure-program.ts'
import { redis } from './redis.ts'
import { serversOf } from './shared-servers.ts'

const start = serversOf(redis)

/** Gives the tests of a project their Redis, as `inject('redisUrl')`. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // With a Redis of the user's own, nothing else asks for the programs.
  if (process.env[redis.variable]) {
    await ensureProgram({
      name: 'redis-server',
      package: redis.package,
      tests: 'those of Redis Cluster, and of a Redis that is killed',
    })
  }
  return start(project)
}
