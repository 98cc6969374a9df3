// Measures this project's sessions, other libraries' and none over HTTP. See README.md.
import { parseArgs } from 'node:util'
import { Databases } from '../support/databases.ts'
import { progress } from '../support/progress.ts'
import { keep, markdownOf, type Results, type Table, thisMachine } from '../support/results.ts'
import { rounded } from '../support/rounded.ts'
import { medianOf } from '../support/statistics.ts'
import { peerVersions, type Versions } from '../support/versions.ts'
import { chartOf } from './chart.ts'
import { choice } from './choice.ts'
import { control, groups } from './contestants.ts'
import { limitsOf, ratiosToFirst } from './limits.ts'
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
const { chosen, asked } = choice(values.only, values.path)
const effort: Effort = values.quick
  ? { generations: 1, roundsPerGeneration: Number(values.rounds ?? 1) }
  : { generations: 3, roundsPerGeneration: Number(values.rounds ?? 3) }

pinRest()
const cells: Cell[] = []
let servers: Versions = {}
{
  const stores = chosen.flatMap(({ contestants }) => contestants.map(({ store }) => store))
  await using databases = await Databases.start(stores)
  servers = await databases.versions()
  for (const group of chosen) {
    cells.push(...(await measure(group, asked, effort, databases, progress)))
  }
}
progress('')

const results: Results = {
  title: 'Over HTTP',
  about: about(effort),
  machine: thisMachine(),
  versions: { ...servers, ...peerVersions(import.meta.url) },
  limits: limitsOf(cells),
  tables: [
    ...chosen.map(({ name }) => tableOf(cells.filter(({ group }) => group === name))),
    ...controlTable(),
  ],
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
  const requests = groups.map((group) => `${group.name} ${group.requests}`).join(', ')
  return `CPU of the server process per request, user and system, in µs: medians of ${rounds} rounds on 8 connections, of so many
requests each: ${requests}. There are ${generations} processes of each server, in turns (A B C, B C A, …); ${cores}. × is the median of the
rounds' ratios to the first row.`
}

// What the measurement makes of no difference at all.
function controlTable(): Table[] {
  const again = cells.filter(({ contestant }) => contestant === control.name)
  if (again.length === 0) return []
  return [
    {
      title: 'Control: node:http ÷ node:http, two processes',
      columns: ['', 'median of the ratios', 'lowest round', 'highest'],
      rows: again.map((cell) => {
        const ratios = ratiosToFirst(cells, cell)
        const shown = [medianOf(ratios), Math.min(...ratios), Math.max(...ratios)]
        return [cell.scenario, ...shown.map(rounded)]
      }),
    },
  ]
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
            rounded(medianOf(ratiosToFirst(cells, cell))),
            Math.round(medianOf(cell.requestsPerSecond)),
            rounded(medianOf(cell.p50)),
            rounded(medianOf(cell.p99)),
          ],
        ]
      }),
    ),
  }
}
