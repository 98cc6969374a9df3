// Writes sessions over connections of several time zones, and reads them over others. Prints what is wrong.
import { background } from '@scs/core'
import { sql } from 'drizzle-orm'
import { DrizzleStore } from '../../src/index.ts'
import { driverCalled, type Opened } from '../drivers.ts'

const ctx = background()
const [name, address = '', zoneList = '', momentList = ''] = process.argv.slice(2)
const driver = driverCalled(name)
const zones = zoneList.split(',')
const moments = momentList.split(',').map((moment) => new Date(moment))

const faults: string[] = []
const check = (isRight: boolean, what: string) => isRight || faults.push(what)
const pretend = (time: number) => {
  Date.now = () => time
}

const connections: { zone: string; opened: Opened; store: DrizzleStore }[] = []
for (const zone of zones) {
  const opened = await driver.open(address, 1)
  await setZone(opened, zone)
  const store = await DrizzleStore.create(opened.db, { cleanupInterval: 0 })
  connections.push({ zone, opened, store })
}

let checked = 0
for (const writer of connections) {
  for (const reader of connections) {
    for (const moment of moments) {
      const token = `t${checked++}`
      const what = `${moment.toISOString()} written in ${writer.zone}, read in ${reader.zone}`
      const time = moment.getTime()
      pretend(time - 60_000)
      await writer.store.commitCtx(ctx, token, Buffer.from('data'), moment)
      pretend(time - 1)
      const found = await reader.store.findWithExpiry(background(), token)
      check(found?.expiry.getTime() === time, `${what}: ${found?.expiry.toISOString()}`)
      check(
        (await reader.store.findCtx(ctx, token)) !== undefined,
        `${what}: gone a millisecond early`,
      )
      check((await reader.store.deleteExpired()) === 0, `${what}: deleted a millisecond early`)
      pretend(time)
      check((await reader.store.findCtx(ctx, token)) === undefined, `${what}: found when expired`)
      check((await reader.store.deleteExpired()) === 1, `${what}: not deleted when expired`)
    }
  }
}
for (const { opened } of connections) await opened.close()
console.log(JSON.stringify({ checked, offset: new Date(2027, 0, 1).getTimezoneOffset(), faults }))

async function setZone({ run }: Opened, zone: string): Promise<void> {
  if (driver.dialect === 'pg') {
    await run(sql.raw(`set time zone '${zone}'`))
    await run(sql.raw(`set datestyle = 'SQL, DMY'`))
  }
  if (driver.dialect !== 'mysql') return
  try {
    await run(sql.raw(`set time_zone = '${zone}'`))
  } catch {
    // A server without the tables of named zones.
    const offsets: Record<string, string> = { UTC: '+00:00', 'Asia/Kolkata': '+05:30' }
    await run(sql.raw(`set time_zone = '${offsets[zone] ?? '-08:00'}'`))
  }
}
