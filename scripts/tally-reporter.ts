import { appendFileSync, writeSync } from 'node:fs'
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node'
import { type Tally, tallyLine } from './tally.ts'

/**
 * Ends a test run with the line `N passed, N failed, N skipped`, true to what ran: a file that does not load, a hook
 * or a source that fails outside a test, and a run that fails for another reason (coverage, no test found) are one
 * failed each, and so is a skipped test with CI=true. The line also goes to the file that SCS_TALLY_FILE names.
 */
export default class TallyReporter implements Reporter {
  readonly #tally: Tally = { passed: 0, failed: 0, skipped: 0 }
  readonly #skippedInCI: string[] = []

  onInit(vitest: Vitest): void {
    if (vitest.config.watch) return
    // The very end: other reporters and coverage have had their say.
    process.once('exit', (code) => this.#print(code))
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#tally.failed += unhandledErrors.length
    for (const module of modules) {
      this.#countErrors(module)
      for (const suite of module.children.allSuites()) this.#countErrors(suite)
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        // What an interruption has left pending has proven nothing.
        if (state === 'passed') this.#tally.passed++
        else if (state === 'skipped') this.#countSkipped(test)
        else this.#tally.failed++
      }
    }
  }

  #countSkipped(test: TestCase): void {
    this.#tally.skipped++
    if (isCI()) this.#skippedInCI.push(test.fullName)
  }

  #countErrors(suite: TestModule | TestSuite): void {
    if (suite.errors().length > 0) this.#tally.failed++
  }

  #print(code: number): void {
    if (this.#skippedInCI.length > 0) {
      writeSync(1, `With CI=true a skipped test is a failure: ${this.#skippedInCI.join('; ')}\n`)
      this.#tally.failed += this.#skippedInCI.length
      this.#tally.skipped -= this.#skippedInCI.length
      process.exitCode = 1
    }
    if (code !== 0 && this.#tally.failed === 0) this.#tally.failed = 1
    const line = `${tallyLine(this.#tally)}\n`
    const file = process.env.SCS_TALLY_FILE
    if (file) appendFileSync(file, line)
    writeSync(1, line)
  }
}

function isCI(): boolean {
  return !['', '0', 'false'].includes(process.env.CI ?? '')
}
