import { describe, expect, it, onTestFinished } from 'vitest'
import { mysqlPool, nodePostgres, postgresJs } from './drivers.ts'
import { canCrash, startCrashingDatabase } from './faults/crashing-database.ts'
import { startServerProcess } from './faults/server-process.ts'
import { expectErrorResponse, UpdatedSession } from './faults/updates.ts'

const updates = 2000
const crashes = 3
// Of them on the way at once.
const concurrency = 100
// A crash ends some hundred updates: of those that come while the database is away, no more than these are sent.
const mostWhileAway = 50

for (const driver of [postgresJs, nodePostgres, mysqlPool]) {
  describe.skipIf(!canCrash(driver))(`${driver.name}, a database server that is killed`, () => {
    it('loses no acknowledged update, counts none twice, and is answered for; then all goes on', {
      timeout: 120_000,
    }, async () => {
      const { address, server } = await startCrashingDatabase(driver)
      onTestFinished(() => server.stop())
      const processes = await Promise.all(
        Array.from({ length: 4 }, () => startServerProcess(driver.name, address)),
      )
      onTestFinished(async () => {
        await Promise.all(processes.map((process) => process.close()))
      })
      const [first] = processes
      if (first === undefined) throw new Error('no process')
      const sessions = await Promise.all(
        [true, true, true, true, true, true, false, false].map((keyed) =>
          UpdatedSession.start(first, keyed),
        ),
      )
      const of = <T>(list: readonly T[], i: number) => list[i % list.length] as T

      // The moments, in acknowledged updates: one somewhere in each part of the run.
      const part = 1200 / crashes
      const moments = Array.from({ length: crashes }, (_, i) =>
        Math.floor((i + Math.random()) * part + 1),
      )
      const told = `killed after ${moments.join(', ')} acknowledged updates`
      let sent = 0
      let acknowledged = 0
      let outage: Promise<void> | undefined
      let spare = 0

      async function crash(): Promise<void> {
        await server.kill()
        // Everything is an error now, never "no session".
        for (const process of processes) {
          for (const path of ['/read', '/add?by=nobody']) {
            expectErrorResponse(await process.get(path, of(sessions, 0).cookie))
          }
        }
        await server.restart()
        outage = undefined
      }
      async function send(): Promise<void> {
        while (sent < updates) {
          const i = sent++
          const isDone = await of(sessions, i >> 2).add(of(processes, i))
          if (isDone && ++acknowledged === moments[0]) {
            moments.shift()
            spare = mostWhileAway
            outage = crash()
          }
          if (!isDone && spare-- <= 0) await outage
        }
      }
      await Promise.all(Array.from({ length: concurrency }, send))
      await outage
      expect(moments, told).toEqual([])
      for (const session of sessions) await session.check(first)

      const more = Array.from({ length: 100 }, (_, i) => of(sessions, i >> 2).add(of(processes, i)))
      expect(await Promise.all(more), told).toEqual(Array(100).fill(true))
      for (const session of sessions) await session.check(first)

      for (const process of processes) {
        const { reported } = JSON.parse((await process.get('/read')).body)
        expect(reported).toEqual([])
      }
    })
  })
}
