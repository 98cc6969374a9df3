import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  contextOf,
  SessionManager,
  type SessionManagerOptions,
  type SessionStore,
} from '../../src/index.ts'

/** What a request may do with its session; its cookie names one of 100 bytes, but at the first two. */
export type Path = '/no-cookie' | '/visit' | '/untouched' | '/read' | '/write' | '/login'

export type Listener = (req: IncomingMessage, res: ServerResponse) => void

const body = 'Ann Example'

/** The server that is measured. */
export function withSessions(store: SessionStore, options: SessionManagerOptions = {}): Listener {
  const sessionManager = new SessionManager({ store, ...options })
  let visits = 0
  return sessionManager.loadAndSave((req, res) => {
    const ctx = contextOf(req)
    switch (req.url) {
      case '/read':
        res.end(sessionManager.getString(ctx, 'name'))
        return
      case '/write':
        sessionManager.put(ctx, 'visits', visits++)
        break
      case '/visit':
        sessionManager.put(ctx, 'name', body)
        sessionManager.put(ctx, 'userID', 48_151)
        break
      case '/login':
        return sessionManager.renewToken(ctx).then(() => {
          sessionManager.put(ctx, 'userID', visits++)
          res.end(body)
        })
    }
    res.end(body)
  })
}

/** The same headers without a session: what Node takes itself. */
export const withoutSessions: Listener = ({ url }, res) => {
  res.appendHeader('Vary', 'Cookie')
  if (url === '/write' || url === '/visit' || url === '/login') {
    res.appendHeader('Set-Cookie', line)
    res.setHeader('Cache-Control', 'no-cache="Set-Cookie"')
  }
  res.end(body)
}

const line = `session=${'x'.repeat(43)}; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400; Expires=Mon, 23 Nov 2026 10:00:00 GMT`
