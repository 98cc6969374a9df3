// Measures this project's sessions, other libraries' and none over HTTP. See README.md.
import { parseArgs } from 'node:util'
import { Databases } from '../support/databases.ts'
import { progress } from '../support/progress.ts'
import {
  keep,
  markdownOf,
  type Results,
  rounded,
  type Table,
  thisMachine,
} from '../support/results.ts'
import { medianOf } from '../support/statistics.ts'
import { chartOf } from './chart.ts'
import { groups } from './contestants.ts'
import { limitsOf, ratioToFirst } from './limits.ts'
import { type Cell, type Effort, measure } from './measure.ts'
import { scenarios } from './paths.ts'
import { canPin, pinRest } from './pin.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    path: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
  },
})
const chosen = groups.filter(({ name }) => values.only?.includes(name) ?? true)
const asked = scenarios.filter(({ name }) => values.path?.some((p) => name.startsWith(p)) ?? true)
if (chosen.length === 0 || asked.length === 0) {
  throw new Error(
    `--only takes ${groups.map(({ name }) => name).join(', ')}; --path the start of ${scenarios.map(({ name }) => `"${name}"`).join(', ')}`,
  )
}
const effort: Effort = values.quick
  ? { generations: 1, roundsPerGeneration: Number(values.rounds ?? 2) }
  : { generations: 2, roundsPerGeneration: Number(values.rounds ?? 3) }

pinRest()
const cells: Cell[] = []
{
  const stores = chosen.flatMap(({ contestants }) => contestants.map(({ store }) => store))
  await using databases = await Databases.start(stores)
  for (const group of chosen) {
    cells.push(...(await measure(group, asked, effort, databases, progress)))
  }
}
progress('')

const results: Results = {
  title: 'Over HTTP',
  about: about(effort),
  machine: thisMachine(),
  limits: limitsOf(cells),
  tables: chosen.map(({ name }) => tableOf(cells.filter(({ group }) => group === name))),
  measured: cells,
}
console.log(markdownOf(results))
// A part of it, or a look at it, is no result.
if (!values.quick && chosen.length === groups.length && asked.length === scenarios.length) {
  keep('http', results, { 'http.svg': chartOf(cells, results.machine) })
}

function about({ generations, roundsPerGeneration }: Effort): string {
  const rounds = generations * roundsPerGeneration
  const cores = canPin ? 'one core for the server, the others for all else' : 'cores not pinned'
  return `CPU of the server process per request, user and system, in µs: medians of ${rounds} rounds of 2,000 requests (with a
framework 1,000, with a database 600) on 8 connections, with ${generations} processes of each server, in turns (A B C, B C A, …); ${cores}. × is the median of the rounds'
ratios to the first row.`
}

function tableOf(cells: readonly Cell[]): Table {
  const names = [...new Set(cells.map(({ scenario }) => scenario))]
  const contestants = [...new Set(cells.map(({ contestant }) => contestant))]
  const [{ group } = { group: '' }] = cells
  return {
    title: group,
    columns: ['', '', 'CPU, µs', '×', 'requests/s', 'p50, ms', 'p99, ms'],
    rows: names.flatMap((name) =>
      contestants.flatMap((contestant) => {
        const cell = cells.find((c) => c.contestant === contestant && c.scenario === name)
        if (!cell) return []
        return [
          [
            name,
            contestant,
            rounded(medianOf(cell.cpu)),
            rounded(ratioToFirst(cells, cell)),
            Math.round(medianOf(cell.requestsPerSecond)),
            rounded(medianOf(cell.p50)),
            rounded(medianOf(cell.p99)),
          ],
        ]
      }),
    ),
  }
}
