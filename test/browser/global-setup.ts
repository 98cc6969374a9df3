import type { TestProject } from 'vitest/node'
import { ensureProgram } from '../servers/ensure-program.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where Chromium is; `undefined` where there is none: skip, the set-up has said so. */
    chromium: string | undefined
  }
}

/** Gives the tests a browser, as `inject('chromium')`. */
export async function setup(project: TestProject): Promise<void> {
  project.provide(
    'chromium',
    await ensureProgram({ name: 'chromium', package: 'chromium', tests: 'those of a browser' }),
  )
}
