import { createServer } from 'node:http'
import { contextOf, SessionManager } from '@scs/core'
import { serve } from '@scs-examples/serve'
import { tokenInHeader } from './token-in-header.ts'

const sessions = new SessionManager<{ count: number }>()

const server = createServer(
  tokenInHeader(sessions, async (req, res) => {
    const ctx = contextOf(req)

    switch (`${req.method} ${req.url}`) {
      case 'POST /count': {
        const count = sessions.getInt(ctx, 'count') + 1
        sessions.put(ctx, 'count', count)
        if (count > 3) throw new RangeError('this demonstration only counts to three')
        return res.end(`${count}\n`)
      }

      case 'GET /count':
        return res.end(`${sessions.getInt(ctx, 'count')}\n`)

      case 'DELETE /count':
        await sessions.destroy(ctx)
        return res.end()

      default:
        return res.writeHead(404).end('Not found\n')
    }
  }),
)

await serve(server)
