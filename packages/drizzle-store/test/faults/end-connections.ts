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

async function others(): Promise<number[]> {
  if (driver.dialect === 'pg') {
    const rows = await run(sql`select pid as id from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`)
    return idsOf(rows)
  }
  return idsOf(
    await run(sql`select id from information_schema.processlist
      where db = database() and id <> connection_id()`),
  )
}

/** Of what each driver answers: rows, an object with rows, or rows beside their columns. */
function idsOf(answer: unknown): number[] {
  const rows = (answer as { rows?: unknown }).rows ?? answer
  const [first] = rows as unknown[]
  return ((Array.isArray(first) ? first : rows) as { id: number }[]).map(({ id }) => Number(id))
}

const end = (id: number) =>
  driver.dialect === 'pg' ? sql`select pg_terminate_backend(${id}::int)` : sql.raw(`kill ${id}`)

parentPort?.on('message', async (order: 'end' | 'close') => {
  if (order === 'close') {
    await close()
    parentPort?.close()
    return
  }
  const ended = await others()
  for (const id of ended) await run(end(id))
  // A server ends them a moment after it was asked to.
  while ((await others()).some((id) => ended.includes(id))) {}
  Atomics.add(done, 0, 1)
  Atomics.notify(done, 0)
})
