import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { background, contextOf } from '../context.ts'
import { ClientContext } from './client-context.ts'
import type { ManagedSessions } from './managed-sessions.ts'
import { type Handler, RequestSession } from './request-session.ts'
import { canBeHeld, cut } from './response-head.ts'
import { serveUnheld } from './serve-unheld.ts'

/**
 * A listener for Node's http and http2 servers. It can be awaited, where a platform takes the end
 * of a handler for the end of its response: it returns `undefined` when the response has been ended
 * already, otherwise a promise, which is fulfilled when the response has been ended (by the
 * handler, or by `errorFunc` after a failure) or its connection is gone. It never throws or
 * rejects.
 */
export interface RequestListener {
  /** For `http.createServer` and `https.createServer`. */
  (req: IncomingMessage, res: ServerResponse): Promise<void> | undefined
  /** For `http2.createServer` and `http2.createSecureServer`. */
  (req: Http2ServerRequest, res: Http2ServerResponse): Promise<void> | undefined
}

type Listener = (req: IncomingMessage, res: ServerResponse) => Promise<void> | undefined

/**
 * Wraps `next` so that each request's session is loaded before it, and committed before the first
 * byte of the response.
 */
export function loadAndSave(sessions: ManagedSessions, next: Handler): Listener {
  return (req, res) => {
    try {
      const client = new ClientContext(contextOf(req), res)
      if (canBeHeld(res)) return new RequestSession(sessions, req, res, next, client).serve()
      const serving = serveUnheld(sessions, req, res, next, client)
      return res.writableEnded ? undefined : serving
    } catch (error) {
      // A request or response so odd that nothing can be answered.
      sessions.settings.onError(error, background())
      return cut(res) as undefined
    }
  }
}
