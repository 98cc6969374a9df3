// A thread that ends all other connections to a database when it is asked to, as a server does that restarts, or that finds them idle
// for too long. The thread that asks hears nothing of it before it goes on.
import { parentPort, workerData } from 'node:worker_threads'
import { sql } from 'drizzle-orm'
import { driverCalled } from '../drivers.ts'

const { name, address, done } = workerData as {
  name: string
  address: string
  done: Int32Array
}
const driver = driverCalled(name)
const { run, close } = await driver.open(address, 1)
await run(sql`select 1`)
parentPort?.postMessage('ready')

parentPort?.on('message', async (order: 'end' | 'close') => {
  if (order === 'close') {
    await close()
    parentPort?.close()
    return
  }
  if (driver.dialect === 'pg') {
    await run(sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`)
  } else {
    const [others] = (await run(sql`select id from information_schema.processlist
      where db = database() and id <> connection_id()`)) as [{ id: number }[]]
    for (const { id } of others) await run(sql.raw(`kill ${id}`))
  }
  Atomics.add(done, 0, 1)
  Atomics.notify(done, 0)
})
