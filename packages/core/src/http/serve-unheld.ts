import type { IncomingMessage, ServerResponse } from 'node:http'
import { bindContext, type Context } from '../context.ts'
import { isThenable } from '../util/promises.ts'
import { longestAnswer } from './error-response.ts'
import type { ManagedSessions } from './managed-sessions.ts'
import type { Handler } from './request-session.ts'

/**
 * Serves a request whose response cannot be held for a commit: the handshake of a WebSocket, as
 * socket.io hands it to its middleware, or an object with a part of a ServerResponse. The handler
 * finds the session; changing it throws.
 *
 * Synchronous as far as the store and the handler are; never rejects.
 */
export async function serveUnheld(
  sessions: ManagedSessions,
  req: IncomingMessage,
  res: ServerResponse,
  next: Handler,
  client: Context,
): Promise<void> {
  const { errorFunc, onError } = sessions.settings
  let ctx = client
  // An errorFunc that only logs, or fails, would leave the client waiting.
  const end = () => {
    try {
      if (res.writableEnded) return
      if (!res.headersSent && res.statusCode < 500) res.statusCode = 500
      res.end()
    } catch (error) {
      onError(error, ctx)
    }
  }
  try {
    const opened = sessions.open(ctx, sessions.cookies.read(req.headers))
    ctx = isThenable(opened) ? await opened : opened
    const sealed = sessions.seal(ctx)
    if (isThenable(sealed)) await sealed
    bindContext(req, ctx)
    const handled = next(req, res)
    if (isThenable(handled)) await handled
  } catch (error) {
    try {
      const answered = errorFunc(req, res, error)
      if (isThenable(answered)) await answered
      else return void setTimeout(end, longestAnswer).unref()
    } catch (secondError) {
      onError(secondError, ctx)
    }
    end()
  }
}
