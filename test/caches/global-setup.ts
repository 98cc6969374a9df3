import type { TestProject } from 'vitest/node'
import { ensureProgram } from '../servers/ensure-program.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where nginx is; `undefined` where there is none: skip, the set-up has said so. */
    nginx: string | undefined
  }
}

/** Gives the tests nginx, as `inject('nginx')`. */
export async function setup(project: TestProject): Promise<void> {
  project.provide(
    'nginx',
    await ensureProgram({ name: 'nginx', package: 'nginx', tests: 'those of a cache in front' }),
  )
}
