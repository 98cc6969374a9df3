// Runs every check but the tests, also after one that failed, and ends with how many passed.
import { appendFileSync } from 'node:fs'
import { run } from './run.ts'
import { type Tally, tallyLine } from './tally.ts'

const steps = ['format:check', 'lint', 'types', 'snippets', 'exports', 'docs:check']

const outcomes = steps.map((step) => {
  console.log(`\n▸ npm run ${step}`)
  return { step, passed: run('npm', ['run', '--silent', step]) }
})

console.log('')
for (const { step, passed } of outcomes) console.log(`${passed ? '✓' : '✗'} ${step}`)

const passed = outcomes.filter((outcome) => outcome.passed).length
const tally: Tally = { passed, failed: steps.length - passed, skipped: 0 }
const file = process.env.SCS_TALLY_FILE
if (file) appendFileSync(file, `${tallyLine(tally)}\n`)
console.log(tallyLine(tally))
process.exitCode = tally.failed === 0 ? 0 : 1
