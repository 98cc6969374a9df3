import { describe, it, onTestFinished } from 'vitest'
import { mysqlPool, nodePostgres, postgresJs } from './drivers.ts'
import { canCrash, startCrashingDatabase } from './faults/crashing-database.ts'
import { startServerProcess } from './faults/server-process.ts'
import { expectErrorResponse } from './faults/updates.ts'
import { updateThroughOutages } from './faults/updates-through-outages.ts'

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
      await updateThroughOutages(processes, async (cookie) => {
        await server.kill()
        // Everything is an error now, never "no session".
        for (const process of processes) {
          for (const path of ['/read', '/add?by=nobody']) {
            expectErrorResponse(await process.get(path, cookie))
          }
        }
        await server.restart()
      })
    })
  })
}
