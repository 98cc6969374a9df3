import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AnySessionManager, checkManager } from '@scs/core'

/**
 * Middleware of Express 5, Express 4 and Connect; its types are Node's, so that it fits all three.
 */
export type SessionMiddleware = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

/**
 * Middleware that loads the session before what comes after it, and commits it before the first
 * byte of the response leaves, as `sessionManager.loadAndSave` does for `node:http`.
 * `contextOf(req)` is then the context that carries the session. Several managers are several of
 * it, one after the other.
 *
 * An error in loading or committing is answered by the manager's `errorFunc`, not by `next(error)`:
 * a commit fails when the application has already answered. The errors of the application are the
 * application's: its answer commits.
 *
 * Throws a TypeError without a manager, also when it is given to `app.use` uncalled: then at the
 * first request.
 */
export function loadAndSave(sessionManager: AnySessionManager): SessionMiddleware {
  checkManager(sessionManager, 'app.use(loadAndSave(sessionManager))')
  return (req, res, next) => {
    if (typeof next !== 'function' || typeof req?.headers !== 'object') throw notExpress()
    // Not its promise: h3 takes what middleware returns for the end of it, and would not go on.
    sessionManager.loadAndSave(() => next())(req, res)
  }
}

function notExpress(): TypeError {
  return new TypeError(
    'loadAndSave of @scs/express makes middleware (req, res, next) of Express and Connect, and was called otherwise: Fastify, Koa and Hono have packages of their own, and http.createServer takes sessionManager.loadAndSave(handler)',
  )
}
