import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { ensureProgram } from '../servers/ensure-program.ts'
import { Profile } from './profile.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Chromium, and where one listens that runs already; `undefined` where there is none: skip, the set-up has said so. */
    chromium: { readonly program: string; readonly address: string } | undefined
  }
}

/** Gives the tests a browser, as `inject('chromium')`. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const program = await ensureProgram({
    name: 'chromium',
    package: 'chromium',
    tests: 'those of a browser',
  })
  if (program === undefined) {
    project.provide('chromium', undefined)
    return undefined
  }
  const profile = new Profile(program)
  await profile.open('--remote-debugging-port=0')
  // There it says which port it has chosen.
  const [port] = readFileSync(join(profile.folder, 'DevToolsActivePort'), 'utf8').split('\n')
  project.provide('chromium', { program, address: `http://127.0.0.1:${port}` })
  return () => profile.remove()
}
