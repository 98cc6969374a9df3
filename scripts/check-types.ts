// Type-checks everything that is TypeScript: the sources by building them, then what is not built.
import { globSync } from 'node:fs'
import { root } from './root.ts'
import { tsc } from './run.ts'

const unbuilt = ['packages/*/tsconfig.test.json', 'bench/*/tsconfig.json', 'tsconfig.checks.json']
const checks = [['-b'], ...globSync(unbuilt, { cwd: root }).map((file) => ['-p', file])]

// Each is run, also after a failure: one report names all that is wrong.
const failed = checks.filter((args) => !tsc(...args))
process.exitCode = failed.length === 0 ? 0 : 1
