import { appendFileSync, writeSync } from 'node:fs'
import type { Reporter, TestModule, TestSuite, Vitest } from 'vitest/node'
import { type Tally, tallyLine } from './tally.ts'

/**
 * Ends a test run with the line `N passed, N failed, N skipped`, true to what ran: a file that does not load, a hook
 * or a source that fails outside a test, and a run that fails for another reason (coverage, no test found) are one
 * failed each. The line also goes to the file that SCS_TALLY_FILE names.
 */
export default class TallyReporter implements Reporter {
  readonly #tally: Tally = { passed: 0, failed: 0, skipped: 0 }

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
        else if (state === 'skipped') this.#tally.skipped++
        else this.#tally.failed++
      }
    }
  }

  #countErrors(suite: TestModule | TestSuite): void {
    if (suite.errors().length > 0) this.#tally.failed++
  }

  #print(code: number): void {
    if (code !== 0 && this.#tally.failed === 0) this.#tally.failed = 1
    const line = `${tallyLine(this.#tally)}\n`
    const file = process.env.SCS_TALLY_FILE
    if (file) appendFileSync(file, line)
    writeSync(1, line)
  }
}
