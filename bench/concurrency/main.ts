// Says what remains of sessions whose requests overlap, and what that costs where none do. Ends with 1 when this project's
// sessions lose anything, or cost too much. README.md has the tables.

import { Databases } from '../support/databases.ts'
import { progress } from '../support/progress.ts'
import { type Contestant, contestants, nameOf } from './contestants.ts'
import { type Cost, measureCost, mostRatio } from './measure-cost.ts'
import { type Losses, logouts, measureLosses, requests } from './measure-losses.ts'

await using databases = await Databases.start(contestants.map(({ store }) => store))
const failures: string[] = []

const losses: Record<string, object> = {}
for (const contestant of contestants) {
  const found = await measureLosses(contestant, databases, progress)
  const name = nameOf(contestant)
  losses[name] = {
    [`keys of ${requests}`]: found.keys,
    [`counted of ${requests}`]: found.counted,
    [`logouts undone by a write, of ${logouts}`]: found.undoneByWrite,
    'by a read': found.undoneByRead,
  }
  if (isOurs(contestant) && !isWhole(found)) failures.push(`${name} lost something`)
}
progress('')
console.table(losses)

const costs: Record<string, object> = {}
for (const store of ['memory', 'postgres'] as const) {
  const cost: Cost = await measureCost(store, databases, progress)
  costs[store] = {
    'atomic, µs': Math.round(cost.atomic),
    'plain, µs': Math.round(cost.plain),
    ratio: Number(cost.ratio.toFixed(3)),
    'ratio of plain to plain': Number(cost.control.toFixed(3)),
  }
  if (!(cost.ratio <= mostRatio)) failures.push(`${store}: a ratio above ${mostRatio}`)
}
progress('')
console.table(costs)

for (const failure of failures) console.error(failure)
process.exitCode = failures.length === 0 ? 0 : 1

function isOurs({ peer }: Contestant): boolean {
  return peer === 'scs'
}

function isWhole({ keys, counted, undoneByWrite, undoneByRead }: Losses): boolean {
  return keys === requests && counted === requests && undoneByWrite === 0 && undoneByRead === 0
}
