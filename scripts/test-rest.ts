// Runs what `npm test` leaves out: the other tests, and every other check, unless only some of the tests are asked for.
import { run } from './run.ts'

const args = process.argv.slice(2)
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.workspace.ts']
const tested = run(process.execPath, [...vitest, '--mode', 'rest', ...args])
const checked = args.length > 0 || run(process.execPath, ['scripts/check-rest.ts'])
process.exitCode = tested && checked ? 0 : 1
