import { aptInstall, canAptInstall } from './apt-install.ts'
import { findProgram } from './find-program.ts'

/** A program of the operating system that tests run. */
export interface TestProgram {
  readonly name: string
  /** The package of Debian and Ubuntu that brings it. */
  readonly package: string
  /** The tests that need it, as the subject of "are skipped". */
  readonly tests: string
}

/**
 * Where the program is, after installing it where it is missing and that can be done. `undefined` when it is not to be
 * had: its tests are to be skipped, which is said on stderr. With CI=true that is an error.
 */
export async function ensureProgram(program: TestProgram): Promise<string | undefined> {
  const found = findProgram(program.name) ?? (await install(program))
  if (found !== undefined) return found
  const text = [
    `scs: ${program.name} was not found on this machine; the tests that need it, ${program.tests}, are skipped.`,
    `     To run them: apt-get install -y ${program.package}   (Debian, Ubuntu; no service needs to run)`,
  ].join('\n')
  if (!['', '0', 'false'].includes(process.env.CI ?? ''))
    throw new Error(`${text}\nWith CI=true a skipped test is a failure.`)
  console.error(text)
  return undefined
}

async function install(program: TestProgram): Promise<string | undefined> {
  if (!canAptInstall()) return undefined
  try {
    await aptInstall([program.package])
  } catch (error) {
    console.error(`scs: ${error instanceof Error ? error.message : error}`)
  }
  return findProgram(program.name)
}
