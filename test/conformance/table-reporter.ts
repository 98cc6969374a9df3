import type { Reporter, TestModule, TestSuite, Vitest } from 'vitest/node'
import { type Cell, markdownOf, summaryOf } from '../conversations/table.ts'

// What a test calls the kit that is to be in the table; the suite around it names the store.
const kit = 'keeps the promises of a store'

const lacking = 'needs what this store lacks, such as `all`, or columns of the application'

/** Ends a run with the table of the conformance kit; with one line when the kit was not asked for by name. */
export default class TableReporter implements Reporter {
  #alone = false

  onInit({ config }: Vitest): void {
    this.#alone = config.testNamePattern?.source === kit
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const stores = new Map<string, ReadonlyMap<string, Cell>>()
    for (const module of modules) {
      for (const suite of module.children.allSuites()) {
        if (suite.name === kit) stores.set(storeOf(suite), cellsOf(suite))
      }
    }
    if (stores.size === 0) return
    const table = tableOf(stores)
    const summary = summaryOf(table, 'promises', 'stores')
    const legend = [...stores.keys()].map((store, i) => `${i + 1}. ${store}`)
    if (this.#alone) console.log(`${markdownOf(table)}\n\n${legend.join('\n')}\n\n${summary}`)
    else console.log(`${summary} (npm run conformance shows them)`)
  }
}

function storeOf(suite: TestSuite): string {
  return suite.fullName.slice(0, -` > ${kit}`.length)
}

function cellsOf(suite: TestSuite): ReadonlyMap<string, Cell> {
  const cells = new Map<string, Cell>()
  for (const test of suite.children.allTests()) {
    const { state, note } = test.result() as { state: string; note?: string }
    if (state === 'passed' || state === 'failed') cells.set(test.name, { outcome: state })
    else if (note) cells.set(test.name, { outcome: 'does not apply', reason: note })
    else cells.set(test.name, { outcome: 'not run' })
  }
  return cells
}

// The rows are promises, the columns stores by their numbers. What a store is tested without, it has no cells of.
function tableOf(stores: ReadonlyMap<string, ReadonlyMap<string, Cell>>) {
  const names = new Set([...stores.values()].flatMap((cells) => [...cells.keys()]))
  const promises = [...names].filter((name) => !name.startsWith('is tested without '))
  const absent: Cell = { outcome: 'does not apply', reason: lacking }
  return new Map(
    promises.map((promise) => [
      promise,
      new Map([...stores.values()].map((cells, i) => [`${i + 1}`, cells.get(promise) ?? absent])),
    ]),
  )
}
