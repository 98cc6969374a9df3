import { createServer } from 'node:http'
import { contextOf } from '@scs/core'
import { serve } from '@scs-examples/serve'
import { openChat } from './chat.ts'
import { sessions } from './sessions.ts'

const server = createServer(
  sessions.loadAndSave(async (req, res) => {
    const ctx = contextOf(req)
    const { pathname, searchParams } = new URL(req.url ?? '/', 'http://localhost')

    switch (`${req.method} ${pathname}`) {
      case 'POST /sign-in':
        // FOR THE DEMONSTRATION ONLY: anybody is who they say they are. See the example `login`.
        await sessions.renewToken(ctx)
        sessions.put(ctx, 'userName', searchParams.get('name') ?? '')
        return res.end('signed in\n')

      case 'POST /sign-out':
        await sessions.destroy(ctx)
        return res.end('signed out\n')

      default:
        return res.writeHead(404).end('Not found\n')
    }
  }),
)

await serve(server, openChat(server))
