import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { contextOf, hour, SessionManager } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { createDatabase, isAvailable } from './databases.ts'
import { betterSqlite3, type DialectName, libsql, mysqlConnection, postgresJs } from './drivers.ts'

const statements: Readonly<Record<DialectName, (isReadOnly: boolean) => string>> = {
  pg: (isReadOnly) => `set default_transaction_read_only = ${isReadOnly ? 'on' : 'off'}`,
  mysql: (isReadOnly) => `set session transaction read ${isReadOnly ? 'only' : 'write'}`,
  sqlite: (isReadOnly) => `pragma query_only = ${isReadOnly ? 1 : 0}`,
}

for (const driver of [postgresJs, mysqlConnection, betterSqlite3, libsql]) {
  describe.skipIf(!isAvailable(driver))(`${driver.name}, while the database is read-only`, () => {
    it('pages that only read are answered, though their sessions are due to be extended', async () => {
      const database = await createDatabase(driver)
      // One connection: the setting is that of a connection.
      const { db, run, close } = await driver.open(database.address, 1)
      const errors: Error[] = []
      const sessions = new SessionManager({
        store: await DrizzleStore.create(db, { cleanupInterval: 0 }),
        idleTimeout: hour,
        touchInterval: 0,
        onError: (error) => errors.push(error as Error),
        errorFunc: (_req, res) => res.writeHead(500).end(),
      })
      const server = createServer(
        sessions.loadAndSave((req, res) => {
          const ctx = contextOf(req)
          if (req.url === '/put') sessions.put(ctx, 'name', 'Ada')
          res.end(sessions.getString(ctx, 'name'))
        }),
      ).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const get = (path: string, cookie = '') =>
        fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } })

      const [line = ''] = (await get('/put')).headers.getSetCookie()
      const [cookie = ''] = line.split(';')
      await run(sql.raw(statements[driver.dialect](true)))
      for (let request = 1; request <= 2; request++) {
        const page = await get('/', cookie)
        expect([page.status, await page.text()]).toEqual([200, 'Ada'])
        expect(page.headers.getSetCookie()).toEqual([])
        expect(errors).toHaveLength(request)
      }
      for (const { message } of errors) {
        expect(message).toMatch(/^DrizzleStore could not touch a session: .*read.?only|query.only/i)
      }
      expect((await get('/put', cookie)).status).toBe(500)
      expect(errors).toHaveLength(2)

      await run(sql.raw(statements[driver.dialect](false)))
      const page = await get('/', cookie)
      expect([page.status, page.headers.getSetCookie().length]).toEqual([200, 1])
      expect(errors).toHaveLength(2)
      server.closeAllConnections()
      server.close()
      await close()
      await database.drop()
    })
  })
}
