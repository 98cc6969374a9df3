// Runs every check but the tests, or only those that are named (`npm run check:rest -- types docs`). All of them run, also
// after one that failed; the last line says how many passed.
import { appendFileSync } from 'node:fs'
import { run } from './run.ts'
import { type Tally, tallyLine } from './tally.ts'

const biome = 'node_modules/@biomejs/biome/bin/biome'
const checks: Readonly<Record<string, readonly string[]>> = {
  format: [biome, 'format'],
  lint: [biome, 'check', '--formatter-enabled=false', '--error-on-warnings'],
  types: ['scripts/check-types.ts'],
  snippets: ['scripts/check-snippets.ts'],
  exports: ['scripts/check-exports.ts'],
  docs: ['scripts/check-docs.ts'],
}

const named = process.argv.slice(2)
const outcomes = (named.length > 0 ? named : Object.keys(checks)).map((name) => {
  const args = checks[name]
  if (!args) console.error(`There is no check ${name}; there are: ${Object.keys(checks).join(' ')}`)
  else console.log(`\n▸ ${name}`)
  return { name, passed: args !== undefined && run(process.execPath, args) }
})

console.log('')
for (const { name, passed } of outcomes) console.log(`${passed ? '✓' : '✗'} ${name}`)

const passed = outcomes.filter((outcome) => outcome.passed).length
const tally: Tally = { passed, failed: outcomes.length - passed, skipped: 0 }
const file = process.env.SCS_TALLY_FILE
if (file) appendFileSync(file, `${tallyLine(tally)}\n`)
console.log(tallyLine(tally))
process.exitCode = tally.failed === 0 ? 0 : 1
