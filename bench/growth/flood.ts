// What becomes of stores that are flooded with new sessions. See README.md.
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { minute } from '@scs/core'
import { Databases } from '../support/databases.ts'
import { progress } from '../support/progress.ts'
import { keep, kept, markdownOf, type Results, thisMachine } from '../support/results.ts'
import { peerVersions } from '../support/versions.ts'
import { floodLimits, floodTables, type Measured } from './flood-report.ts'
import type { FloodedName } from './flooded-stores.ts'
import { measureBytes } from './measure-bytes.ts'
import { measureFlood } from './measure-flood.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    minutes: { type: 'string', default: '10' },
    bytes: { type: 'boolean', default: false },
  },
})

const about = `New sessions of 100 B that live for a minute, for ten minutes, in stores whose options are the defaults: as many as the store takes
in while 32 visitors come at once, each anew when the session is stored; 20,000 a second in memory. The process that takes them in also
cleans up, and finds 200 other sessions a second, commits 50 and touches 50; times count from when a call was due. "Before" is half a
minute without a flood. Rows are counted every five seconds, from another process. A third one shows what the machine does
meanwhile: the longest block of an event loop that has nothing to do, how long a sum takes that is half a millisecond of work, and how
long 4 KB take to be on the disk. The cleanup's own blocks are DELETEs on SQLite, with all that belongs to them, and looks at 1,000 rows
in memory; on the servers it blocks nothing.`

/** A store, and where the flood comes from. */
interface Case {
  readonly title: string
  readonly store: FloodedName
  readonly isApart?: boolean
  readonly rate?: number
}

// A store in memory takes in more than any server could bring: here as much as node:http alone answers on one core.
const memoryRate = 20_000
const cases: readonly Case[] = [
  { title: 'MemoryStore', store: 'memory', rate: memoryRate },
  { title: 'SQLite', store: 'sqlite' },
  { title: 'SQLite, flood of a second process', store: 'sqlite', isApart: true },
  { title: 'PostgreSQL', store: 'postgres' },
  { title: 'MariaDB', store: 'mariadb' },
  { title: 'Redis', store: 'redis' },
]
const chosen = cases.filter(({ store }) => values.only?.includes(store) ?? true)
const minutes = Number(values.minutes)
const isWhole = minutes === 10

await using databases = await Databases.start(chosen.map(({ store }) => store))
const versions = { ...(await databases.versions()), ...peerVersions(import.meta.url) }
// Each takes ten minutes: those that were measured before stay, and are in the order of the list.
const before = isWhole ? kept('flood') : undefined
const { floods = {}, bytes = {} } = (before?.measured ?? {}) as Partial<Measured>

for (const { title, store, isApart = false } of chosen) {
  if (store === 'memory' || isApart) continue
  progress(`${title}: bytes`)
  bytes[title] = await measureBytes(store, databases)
  if (isWhole) keep('flood', results())
}
for (const { title, store, isApart = false, rate } of values.bytes ? [] : chosen) {
  progress(`${title}: ${minutes} minutes`)
  const loadBefore = loadavg()
  const flood = await measureFlood(store, minutes * minute, databases, isApart, rate)
  floods[title] = { ...flood, load: [loadBefore, loadavg()] }
  if (isWhole) keep('flood', results())
}
progress('')
console.log(markdownOf(results()))

function results(): Results {
  const done = cases.flatMap(({ title }) => {
    const flood = floods[title]
    return flood ? [{ title, flood }] : []
  })
  return {
    title: 'Flood',
    about,
    machine: thisMachine(),
    versions: { ...before?.versions, ...versions },
    limits: floodLimits(done),
    tables: floodTables(done, minutes, bytes),
    measured: { floods, bytes } satisfies Measured,
  }
}
