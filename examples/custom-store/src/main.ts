import { createServer } from 'node:http'
import { contextOf, SessionManager } from '@scs/core'
import { serve } from '@scs-examples/serve'
import { FileStore } from './file-store.ts'

const sessions = new SessionManager<{ visits: number }>({ store: new FileStore('sessions') })

const server = createServer(
  sessions.loadAndSave((req, res) => {
    const ctx = contextOf(req)
    const visits = sessions.getInt(ctx, 'visits') + 1
    sessions.put(ctx, 'visits', visits)
    res.end(`Visit ${visits}\n`)
  }),
)

await serve(server)
