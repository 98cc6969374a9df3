import type { TestProject } from 'vitest/node'
import { ensureProgram } from './ensure-program.ts'
import { setup as startServers } from './global-setup.ts'
import { pgbouncer } from './pgbouncer.ts'

/** As `global-setup.ts`, and sees to it that PgBouncer is here, which the tests start themselves. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await ensureProgram(pgbouncer)
  return startServers(project)
}
