import type { IncomingMessage, ServerResponse } from 'node:http'
import { contextOf, SessionManager, type SessionStore } from '../../src/index.ts'

/** What a request may do with its session; its cookie names one of 100 bytes, but at the first two. */
export const paths = ['/no-cookie', '/visit', '/untouched', '/read', '/write'] as const

export type Path = (typeof paths)[number]

export type Listener = (req: IncomingMessage, res: ServerResponse) => void

const body = 'Ann Example'

/** The server that is measured. */
export function withSessions(store: SessionStore): Listener {
  const sessionManager = new SessionManager({ store })
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
    }
    res.end(body)
  })
}

/** The same headers without a session: what Node takes itself. */
export const withoutSessions: Listener = (req, res) => {
  res.appendHeader('Vary', 'Cookie')
  if (req.url === '/write' || req.url === '/visit') {
    res.appendHeader('Set-Cookie', line)
    res.setHeader('Cache-Control', 'no-cache="Set-Cookie"')
  }
  res.end(body)
}

const line = `session=${'x'.repeat(43)}; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400; Expires=Mon, 23 Nov 2026 10:00:00 GMT`
