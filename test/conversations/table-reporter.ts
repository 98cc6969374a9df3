import type { Reporter, TestModule, TestSuite, Vitest } from 'vitest/node'
import type { CaseMeta } from './conversation.ts'
import { type Cell, markdownOf, summaryOf } from './table.ts'

/** Ends a run with the table of the conversations; with one line when it is not a run of them alone. */
export default class TableReporter implements Reporter {
  #alone = false

  onInit({ config }: Vitest): void {
    this.#alone = config.project.length === 1 && config.project[0] === 'conversations'
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const table = new Map<string, Map<string, Cell>>()
    for (const module of modules) {
      for (const suite of module.children.allSuites()) {
        const { conversationCase } = suite.meta()
        if (conversationCase) table.set(suite.fullName, rowOf(conversationCase, suite))
      }
    }
    if (table.size === 0) return
    const summary = summaryOf(table)
    if (this.#alone) console.log(`${markdownOf(table)}\n\n${summary}`)
    else console.log(`${summary} (npm run conversations shows them)`)
  }
}

function rowOf({ servers }: CaseMeta, suite: TestSuite): Map<string, Cell> {
  return new Map(
    servers.map(({ name, reason }) => [
      name,
      reason ? { outcome: 'does not apply', reason } : { outcome: outcomeOf(suite, name) },
    ]),
  )
}

function outcomeOf(suite: TestSuite, server: string): 'passed' | 'failed' | 'not run' {
  const states = [...suite.children.allTests()]
    .filter((test) => test.meta().server === server)
    .map((test) => test.result().state)
  if (states.includes('failed')) return 'failed'
  return states.length > 0 && states.every((state) => state === 'passed') ? 'passed' : 'not run'
}
