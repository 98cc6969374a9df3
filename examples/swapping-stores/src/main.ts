import { createServer } from 'node:http'
import { contextOf, SessionManager } from '@scs/core'
import { serve } from '@scs-examples/serve'
import { openStore } from './open-store.ts'

// memory:, sqlite:sessions.db, postgres://user:password@host/database or mysql://user:password@host/database
const { store, close } = await openStore(process.env.STORE_URL ?? 'memory:')
const sessions = new SessionManager<{ visits: number }>({ store })

const server = createServer(
  sessions.loadAndSave((req, res) => {
    const ctx = contextOf(req)
    const visits = sessions.getInt(ctx, 'visits') + 1
    sessions.put(ctx, 'visits', visits)
    res.end(`Visit ${visits}\n`)
  }),
)

server.on('close', close)
await serve(server)
