import { sql } from 'drizzle-orm'
import { describe, it, onTestFinished } from 'vitest'
import { canStartGalera, startGaleraCluster } from '../../../test/servers/galera-cluster.ts'
import { interruption } from '../test/faults/interruption.ts'
import { startServerProcess } from '../test/faults/server-process.ts'
import { expectErrorResponse, UpdatedSession } from '../test/faults/updates.ts'
import { updateThroughOutages } from '../test/faults/updates-through-outages.ts'
import { databaseAt } from './database-at.ts'
import { openGalera } from './galera-client.ts'

const program = new URL('galera-session-server.ts', import.meta.url)

describe.skipIf(!canStartGalera())('Galera, a node that is killed, and one that freezes', () => {
  it('loses no acknowledged update, counts none twice, and is answered for; then all goes on', {
    timeout: 300_000,
  }, async ({ annotate }) => {
    const cluster = await startGaleraCluster()
    onTestFinished(() => cluster.stop())
    const [first] = cluster.nodes
    const admin = openGalera(first.url)
    await admin.run(sql`create database sessions`)
    await admin.close()
    // Each process has one node, as where each machine has both; the first node has two.
    const placed = await Promise.all(
      [0, 1, 2, 0].map(async (index) => {
        const node = cluster.nodes[index] ?? first
        const address = databaseAt(node.url, 'sessions')
        return { node, process: await startServerProcess('mysql2', address, program) }
      }),
    )
    const processes = placed.map(({ process }) => process)
    onTestFinished(async () => {
      await Promise.all(processes.map((process) => process.close()))
    })
    const [prober = processes[0]] = processes
    if (prober === undefined) throw new Error('no process')
    const probe = await UpdatedSession.start(prober, true)

    const outages = [
      { name: 'killed', node: cluster.nodes[2], begin: 'kill', end: 'restart' },
      { name: 'frozen', node: cluster.nodes[1], begin: 'freeze', end: 'thaw' },
      { name: 'killed', node: first, begin: 'kill', end: 'restart' },
    ] as const
    let current = 0
    await updateThroughOutages(processes, async (cookie) => {
      const { name, node, begin, end } = outages[current++ % outages.length] ?? outages[0]
      const of = (isMeant: boolean) =>
        placed.filter((place) => (place.node === node) === isMeant).map(({ process }) => process)
      const restore = async () => {
        await node[end]()
        await cluster.settled()
      }
      // Where the node is gone, everything is an error now, never "no session".
      const expectErrors = async () => {
        for (const process of of(true)) {
          for (const path of ['/read', '/add?by=nobody']) {
            expectErrorResponse(await process.get(path, cookie))
          }
        }
      }
      await node[begin]()
      const [elsewhere] = await Promise.all([interruption(of(false), probe), expectErrors()])
      await annotate(`a node is ${name}: ${elsewhere} ms without an answer on the others`)
      const [back] = await Promise.all([interruption(of(true), probe), restore()])
      await annotate(`after its ${end}: ${back} ms until it serves`)
    })
    await probe.check(prober)
  })
})
