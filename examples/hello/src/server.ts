import { createServer } from 'node:http'
import { contextOf, hour, SessionManager } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { serve } from '@scs-examples/serve'
import Database from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'

const store = await DrizzleStore.create(drizzle({ client: new Database('sessions.db') }))
const sessionManager = new SessionManager({ store, lifetime: 24 * hour })

const server = createServer(
  sessionManager.loadAndSave((req, res) => {
    const ctx = contextOf(req)
    if (req.url === '/put') {
      sessionManager.put(ctx, 'message', 'Hello from a session!')
      res.end()
    } else {
      res.end(sessionManager.getString(ctx, 'message'))
    }
  }),
)

const url = await serve(server)
console.log(`Sessions are kept in sessions.db. Try:

  curl -i -c cookies.txt ${url}/put
  curl -b cookies.txt ${url}/
  curl ${url}/
`)
