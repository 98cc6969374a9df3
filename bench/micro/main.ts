// Measures what is on the path of a request, piece by piece. See ../README.md.
import { Databases } from '../support/databases.ts'
import { type Limit, limitOfRounds } from '../support/limits.ts'
import { progress } from '../support/progress.ts'
import { keep, markdownOf, type Table, thisMachine } from '../support/results.ts'
import { rounded } from '../support/rounded.ts'
import { medianOf } from '../support/statistics.ts'
import { peerVersions, type Versions } from '../support/versions.ts'
import { storeCosts } from './databases.ts'
import { parts } from './parts.ts'
import { type Timed, timed } from './timed.ts'

const tables: Table[] = []
const limits: Limit[] = []
const measured: Record<string, unknown> = {}

const columns = ['', '', 'CPU, µs', '×']
const rowsOf = (name: string, group: readonly Timed[]) =>
  group.map((subject) => [
    name,
    subject.name,
    rounded(subject.cpu),
    rounded(medianOf(subject.ratios)),
  ])

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
let servers: Versions = {}
{
  await using databases = await Databases.start()
  servers = await databases.versions()
  for (const [database, driver, most] of drivers) {
    progress(driver)
    const costs = await storeCosts(database, databases)
    storeRows.push(...rowsOf(`commit, ${driver}`, costs.commit))
    storeRows.push(...rowsOf(`replace, ${driver}`, costs.replace))
    storeRows.push(...rowsOf(`find, ${driver}`, costs.find))
    const name = `a commit through DrizzleStore ÷ the raw driver's upsert, ${driver}`
    limits.push(limitOfRounds(name, most, costs.commit.at(-1)?.ratios ?? []))
    measured[driver] = costs
  }
}
progress('')
tables.push({ title: 'Stores', columns, rows: storeRows })

const about = `CPU of this process per call, user and system, in µs: medians of 15 rounds, in turns; × is the median of the rounds' ratios
to the first of the group. A replacement is the compare-and-swap of a session that was there: what an ordinary write sends.`
const results = {
  title: 'Piece by piece',
  about,
  machine: thisMachine(),
  versions: { ...servers, ...peerVersions(import.meta.url) },
  limits,
  tables,
  measured,
}
console.log(markdownOf(results))
keep('micro', results)
