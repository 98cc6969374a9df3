import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, isAvailable, type TestDatabase } from './databases.ts'
import { betterSqlite3, mysqlConnection, nodePostgres, postgresJs } from './drivers.ts'
import { runProcess } from './processes/run.ts'

const zones = ['UTC', 'Asia/Kolkata', 'America/Los_Angeles']
const moments = [
  '2027-01-15T12:00:00.123Z',
  // The hour that the clocks of Los Angeles skip: as local time, and as UTC that is taken for local time.
  '2027-03-14T10:30:00.999Z',
  '2027-03-14T02:30:00.001Z',
  // The hour that they have twice.
  '2027-11-07T09:30:00.500Z',
  // After the end of 32 bits of seconds.
  '2038-01-19T03:14:08.001Z',
  '2045-07-01T00:00:00.000Z',
  '9999-12-31T23:59:59.999Z',
]
const offsets: Record<string, number> = { UTC: 0, 'Asia/Kolkata': -330, 'America/Los_Angeles': 480 }

for (const driver of [postgresJs, nodePostgres, mysqlConnection, betterSqlite3]) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    let database: TestDatabase
    beforeAll(async () => {
      database = await createDatabase(driver)
    })
    afterAll(() => database?.drop())

    for (const zone of zones) {
      it(`a process in ${zone} keeps sessions exactly as long as they should live, whatever the zone of the connection`, async () => {
        // A file has no zone: two connections are enough.
        const connections = driver.dialect === 'sqlite' ? zones.slice(1) : zones
        const result = await runProcess<{ checked: number; offset: number; faults: string[] }>(
          'keep-time.ts',
          [driver.name, database.address, connections.join(), moments.join()],
          { TZ: zone },
        )
        expect(result.faults).toEqual([])
        expect(result.checked).toBe(connections.length ** 2 * moments.length)
        expect(result.offset).toBe(offsets[zone])
      })
    }
  })
}
