import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AnySessionManager, beforeHeaders, bindContext, contextOf } from '@scs/core'

/**
 * As `loadAndSave`, with the token in the header `X-Session` of request and response in place of a cookie: for clients
 * that are not browsers. An empty `X-Session` in a response tells the client to forget its token.
 */
export function tokenInHeader(
  sessions: AnySessionManager,
  next: (req: IncomingMessage, res: ServerResponse) => unknown,
): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  return async (req, res) => {
    let hasFailed = false

    try {
      const ctx = await sessions.load(contextOf(req), req.headers['x-session']?.toString())
      bindContext(req, ctx)
      // No cache may give one client's token to another.
      res.setHeader('Cache-Control', 'no-store')

      // The response is held while the promise of a commit is pending, and only then.
      const save = () => {
        const status = sessions.status(ctx)
        if (status === 'destroyed') res.setHeader('X-Session', '')
        // What a handler did to the session before it threw is not committed.
        return status === 'modified' && !hasFailed ? commit() : undefined
      }
      const commit = async () => {
        const committed = await sessions.commit(ctx)
        // `undefined` when the session was revoked meanwhile: there is no token to tell.
        if (!committed) return
        res.setHeader('X-Session', committed.token)
        res.setHeader('X-Session-Expiry', committed.expiry.toUTCString())
      }
      beforeHeaders(res, save, (error) => fail(res, error))

      await next(req, res)
    } catch (error) {
      hasFailed = true
      fail(res, error)
    }
  }
}

function fail(res: ServerResponse, error: unknown): void {
  console.error(error)
  if (res.headersSent) res.destroy()
  else res.writeHead(500).end('Internal Server Error\n')
}
