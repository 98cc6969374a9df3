import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { background, contextOf, SessionManager } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Client } from '../../core/test/support/client.ts'
import { serve } from '../../core/test/support/servers.ts'
import { isAvailable, openNew } from './databases.ts'
import { type Driver, mysqlPool, nodePostgres, postgresJs } from './drivers.ts'
import { sessionsOf } from './sessions-of.ts'

const ctx = background()

/** Gives a function that has another thread end all connections to the database, and returns before this one has noticed. */
async function startEnding(driver: Driver, address: string): Promise<() => void> {
  const done = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(new URL('faults/end-connections.ts', import.meta.url), {
    workerData: { name: driver.name, address, done },
  })
  const ended = once(worker, 'exit')
  await Promise.race([once(worker, 'message'), ended])
  onTestFinished(async () => {
    worker.postMessage('close')
    await ended
  })
  return () => {
    const before = Atomics.load(done, 0)
    worker.postMessage('end')
    if (Atomics.wait(done, 0, before, 20_000) === 'timed-out') throw new Error('nothing was ended')
  }
}

for (const driver of [postgresJs, nodePostgres, mysqlPool]) {
  describe.skipIf(!isAvailable(driver))(
    `${driver.name}, connections that the server has ended`,
    () => {
      it('a find is tried again: requests that only read are all answered', {
        timeout: 60_000,
      }, async () => {
        const { db, address, close } = await openNew(driver)
        onTestFinished(close)
        const endConnections = await startEnding(driver, address)
        const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
        const manager = new SessionManager({ store })
        await using server = await serve(
          manager.loadAndSave((req, res) => {
            const ctx = contextOf(req)
            if (req.url === '/start') manager.put(ctx, 'n', 1)
            res.end(String(manager.get(ctx, 'n')))
          }),
        )
        const client = new Client(server.url)
        await client.get('/start')
        const read = async () => {
          const { status, body } = await client.get('/')
          return `${status} ${body}`
        }
        const openAll = () => Promise.all(Array.from({ length: 20 }, () => store.findCtx(ctx, 'a')))

        await openAll()
        endConnections()
        for (let i = 0; i < 4; i++) expect(await read()).toBe('200 1')

        await openAll()
        endConnections()
        const answers = await Promise.all(Array.from({ length: 20 }, read))
        expect(answers).toEqual(Array(20).fill('200 1'))

        await openAll()
        endConnections()
        expect((await sessionsOf(store)).size).toBe(1)
      })
    },
  )
}
