// Tells what the CPU of a request goes to, with this project's sessions and without. See ../README.md.
import { parseArgs } from 'node:util'
import { Databases } from '../support/databases.ts'
import { progress } from '../support/progress.ts'
import { keep, markdownOf, type Results, type Table, thisMachine } from '../support/results.ts'
import { rounded } from '../support/rounded.ts'
import { medianOf } from '../support/statistics.ts'
import { peerVersions } from '../support/versions.ts'
import { choice } from './choice.ts'
import { type Contestant, control, type Group, type Program } from './contestants.ts'
import { Load } from './load.ts'
import type { Scenario } from './paths.ts'
import { pinRest } from './pin.ts'
import type { Profile } from './profiler.ts'
import { startServer } from './server-process.ts'

/** What one server takes for one kind of request: microseconds of CPU, in all and by whose code it is. */
interface Cost {
  readonly contestant: string
  readonly scenario: string
  readonly cpu: number
  readonly byOwner: Profile
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    path: { type: 'string', multiple: true },
  },
})
const programs: readonly Program[] = ['node-http', 'raw-driver', 'scs']
const { chosen, asked } = choice(values.only, values.path ?? ['read, 1 KB', 'write, 1 KB'])

pinRest()
const stores = chosen.flatMap(({ contestants }) => contestants.map(({ store }) => store))
await using databases = await Databases.start(stores)
const costs: Cost[] = []
for (const group of chosen.filter(({ name }) => name !== 'frameworks')) {
  for (const contestant of group.contestants) {
    if (!programs.includes(contestant.program) || contestant === control) continue
    for (const scenario of asked) costs.push(await costOf(group, contestant, scenario))
  }
}
progress('')
const results: Results = {
  title: 'What it goes to',
  about: `CPU of the server process per request, in µs: the median of seven rounds, shared out as the samples of V8's profiler fell in
three more, every 100 µs. What a function of the engine's or of an addon takes (JSON.parse, a call of SQLite) is its caller's; native
code is all that no JavaScript has called, mostly the operating system's work for the sockets.`,
  machine: thisMachine(),
  versions: { ...(await databases.versions()), ...peerVersions(import.meta.url) },
  limits: [],
  tables: asked.map(tableOf),
  measured: costs,
}
console.log(markdownOf(results))
if (!values.only && !values.path) keep('profile', results)

async function costOf(group: Group, contestant: Contestant, scenario: Scenario): Promise<Cost> {
  const { name, program, store } = contestant
  progress(`${name}: ${scenario.name}`)
  await using server = await startServer({
    program,
    store,
    address: await databases.create(store),
  })
  const load = await Load.on(server, scenario)
  await load.run(group.requests * 4)
  const rounds: number[] = []
  for (let round = 0; round < 7; round++) rounds.push((await load.run(group.requests)).cpu)
  await server.startProfile()
  for (let round = 0; round < 3; round++) await load.run(group.requests)
  const samples = await server.stopProfile()
  const all = Object.values(samples).reduce((sum, count) => sum + count, 0)
  const cpu = medianOf(rounds)
  const byOwner = Object.entries(samples).map(([owner, count]) => [owner, (cpu * count) / all])
  return { contestant: name, scenario: scenario.name, cpu, byOwner: Object.fromEntries(byOwner) }
}

// Whose share is below a microsecond everywhere is among the others.
function tableOf({ name }: Scenario): Table {
  const rows = costs.filter(({ scenario }) => scenario === name)
  const owners = new Set(rows.flatMap(({ byOwner }) => Object.keys(byOwner)))
  const share = (row: Cost, owner: string) => row.byOwner[owner] ?? 0
  const most = (owner: string) => Math.max(...rows.map((row) => share(row, owner)))
  const shown = [...owners].filter((owner) => most(owner) >= 1).sort((a, b) => most(b) - most(a))
  const rest = (row: Cost) => row.cpu - shown.reduce((sum, owner) => sum + share(row, owner), 0)
  return {
    title: name,
    columns: ['', 'all', ...shown, 'others'],
    rows: rows.map((row) => [
      row.contestant,
      ...[row.cpu, ...shown.map((owner) => share(row, owner)), rest(row)].map(rounded),
    ]),
  }
}
