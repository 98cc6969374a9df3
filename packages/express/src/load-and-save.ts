import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SessionManager } from '@scs/core'

/** Middleware of Express 5, Express 4 and Connect; its types are Node's, so that it fits all three. */
export type SessionMiddleware = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

/**
 * Middleware that loads the session before what comes after it, and commits it before the first byte of the response
 * leaves, as `sessionManager.loadAndSave` does for `node:http`. `contextOf(req)` is then the context that carries the
 * session. Several managers are several of it, one after the other.
 *
 * An error in loading or committing is answered by the manager's `errorFunc`, not by `next(error)`: a commit fails when
 * the application has already answered. The errors of the application are the application's: its answer commits.
 */
export function loadAndSave<Values extends object>(
  sessionManager: SessionManager<Values>,
): SessionMiddleware {
  return (req, res, next) => {
    // Not its promise: h3 takes what middleware returns for the end of it, and would not go on.
    sessionManager.loadAndSave(() => next())(req, res)
  }
}
