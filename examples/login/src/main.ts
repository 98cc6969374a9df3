import { createServer } from 'node:http'
import { contextOf, day, hour, SessionManager } from '@scs/core'
import { serve } from '@scs-examples/serve'
import { home, loginForm, redirect } from './pages.ts'
import { readForm } from './read-form.ts'
import { isPassword } from './users.ts'

interface Session {
  userName: string
  flash: string
}

// Without `persist` the cookie ends with the browser, unless the session is told to `rememberMe`.
const sessions = new SessionManager<Session>({
  lifetime: 30 * day,
  idleTimeout: 12 * hour,
  cookie: { persist: false },
})

const server = createServer(
  sessions.loadAndSave(async (req, res) => {
    const ctx = contextOf(req)

    switch (`${req.method} ${req.url}`) {
      case 'GET /':
        return home(res, sessions.getString(ctx, 'userName'), sessions.popString(ctx, 'flash'))

      case 'GET /login':
        return loginForm(res, sessions.popString(ctx, 'flash'))

      case 'POST /login': {
        const form = await readForm(req)
        const userName = form.get('name') ?? ''
        if (!(await isPassword(userName, form.get('password') ?? ''))) {
          sessions.put(ctx, 'flash', 'Wrong name or password.')
          return redirect(res, '/login')
        }
        // A token from before the login may be known to somebody else: session fixation.
        await sessions.renewToken(ctx)
        sessions.put(ctx, 'userName', userName)
        sessions.rememberMe(ctx, form.has('remember'))
        sessions.put(ctx, 'flash', `Welcome, ${userName}!`)
        return redirect(res, '/')
      }

      // A POST: browsers send a SameSite=Lax cookie with links from other sites, but not with their forms.
      case 'POST /logout':
        await sessions.destroy(ctx)
        // What is put after `destroy` begins another, anonymous session.
        sessions.put(ctx, 'flash', 'Signed out.')
        return redirect(res, '/')

      default:
        res.writeHead(404).end('Not found\n')
    }
  }),
)

await serve(server)
