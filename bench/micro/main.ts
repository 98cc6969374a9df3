// Measures what is on the path of a request, piece by piece. See ../README.md.
import { Databases } from '../support/databases.ts'
import { progress } from '../support/progress.ts'
import {
  keep,
  type Limit,
  markdownOf,
  rounded,
  type Table,
  thisMachine,
} from '../support/results.ts'
import { storeCosts } from './databases.ts'
import { parts } from './parts.ts'
import { type Timed, timed } from './timed.ts'

const tables: Table[] = []
const limits: Limit[] = []
const measured: Record<string, unknown> = {}

const columns = ['', '', 'CPU, µs', '×']
const rowsOf = (name: string, group: readonly Timed[]) =>
  group.map((subject) => [name, subject.name, rounded(subject.cpu), rounded(subject.ratio)])

const rows: (string | number)[][] = []
for (const [name, subjects] of Object.entries(parts)) {
  progress(name)
  const group = await timed(subjects)
  rows.push(...rowsOf(name, group))
  measured[name] = group
}
tables.push({ title: 'On the path of a request', columns, rows })

const drivers = [
  ['postgres', 'postgres.js', 1.1],
  ['sqlite', 'better-sqlite3', 1.5],
  ['mariadb', 'mysql2', 1.3],
] as const
const storeRows: (string | number)[][] = []
{
  await using databases = await Databases.start()
  for (const [database, driver, most] of drivers) {
    progress(driver)
    const costs = await storeCosts(database, databases)
    storeRows.push(...rowsOf(`commit, ${driver}`, costs.commit))
    storeRows.push(...rowsOf(`find, ${driver}`, costs.find))
    const value = costs.commit.at(-1)?.ratio ?? Number.NaN
    const name = `a commit through DrizzleStore ÷ the raw driver's upsert, ${driver}`
    limits.push({ name, value, most, unit: '' })
    measured[driver] = costs
  }
}
progress('')
tables.push({ title: 'Stores', columns, rows: storeRows })

const about = `CPU of this process per call, user and system, in µs: medians of 15 rounds, in turns; × is the median of the rounds' ratios
to the first of the group.`
const results = { title: 'Piece by piece', about, machine: thisMachine(), limits, tables, measured }
console.log(markdownOf(results))
keep('micro', results)
