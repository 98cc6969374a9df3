import { createServer } from 'node:http'
import { contextOf, day, hour, SessionManager } from '@scs/core'
import { serve } from '@scs-examples/serve'

// Each has a cookie, a lifetime and, here, a MemoryStore of its own.
const account = new SessionManager<{ userName: string }>({
  lifetime: 8 * hour,
  cookie: { name: 'account' },
})
const visitor = new SessionManager<{ theme: string }>({
  lifetime: 365 * day,
  cookie: { name: 'visitor' },
})

const server = createServer(
  visitor.loadAndSave(
    account.loadAndSave(async (req, res) => {
      // One context carries both sessions; each manager finds its own.
      const ctx = contextOf(req)
      const { pathname, searchParams } = new URL(req.url ?? '/', 'http://localhost')

      switch (`${req.method} ${pathname}`) {
        case 'POST /sign-in':
          // FOR THE DEMONSTRATION ONLY: anybody is who they say they are. See the example `login`.
          await account.renewToken(ctx)
          account.put(ctx, 'userName', searchParams.get('name') ?? '')
          return res.end('signed in\n')

        case 'POST /sign-out':
          await account.destroy(ctx)
          return res.end('signed out; the theme stays\n')

        case 'POST /theme':
          visitor.put(ctx, 'theme', searchParams.get('name') ?? 'light')
          return res.end('painted\n')

        case 'GET /':
          return res.end(
            `Hello ${account.getString(ctx, 'userName') || 'stranger'}, ` +
              `the theme is ${visitor.getString(ctx, 'theme') || 'light'}\n`,
          )

        default:
          return res.writeHead(404).end('Not found\n')
      }
    }),
  ),
)

await serve(server)
