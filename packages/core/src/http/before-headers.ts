import type { IncomingMessage, ServerResponse } from 'node:http'
import { background, bindContext, contextOf } from '../context.ts'
import { SessionError } from '../errors.ts'
import { guard, type ResponseHook } from './response-gate.ts'
import { addLine, canBeHeld, linesOf, type NodeResponse } from './response-head.ts'

/**
 * Runs `hook` once, just before the first byte of the response is sent, whichever call sends it
 * (`writeHead`, `flushHeaders`, `write` or `end`; a 1xx response is not a first byte). The hook
 * sets headers on the `res` that it is given. A promise that it returns is awaited, and the
 * response is held meanwhile: calls are kept in order, `write` returns `false` once
 * `writableHighWaterMark` bytes are held, and `headersSent` is true. `finished`, `writableEnded`
 * and `writableFinished` stay false until the response is really ended. A hook that returns no
 * promise holds nothing. Of several hooks, the last one added runs first. When a writer ignores the
 * `false` of `write`, all that it writes is kept in memory, as with Node's own buffer.
 *
 * When the hook throws or rejects, held calls are dropped, the headers become what they were when
 * the hook was added (cookies that other hooks have set stay), and `onError` answers, through the
 * `res` that it is given: calls of the handler take no effect any more. A promise that it returns
 * is awaited; otherwise it may also answer in a callback, within five seconds. A response that is
 * then still open is ended, with a status of at least 500. A held call that Node refuses later
 * (trailers without chunks, a body of another length than `strictContentLength` allows) cuts the
 * connection.
 *
 * For your own middleware; `loadAndSave` does this itself. Output that bypasses the response object
 * (`res.socket.write`, HTTP/2's `res.stream.respond`) is not seen; a pushed response is another
 * response, without a hook.
 *
 * Throws `ERR_SESSION_HEADERS_SENT` when the headers have been sent, or when the response lacks the
 * methods that are needed to hold it.
 */
export function beforeHeaders<Response extends NodeResponse>(
  res: Response,
  hook: (res: Response) => unknown,
  onError: (error: unknown, res: Response) => unknown,
): void {
  const problem = !canBeHeld(res)
    ? 'this response cannot be held, as it lacks methods of a ServerResponse'
    : res.headersSent &&
      'the headers have been sent already; add the hook before anything is written'
  if (problem) throw new SessionError('ERR_SESSION_HEADERS_SENT', `beforeHeaders: ${problem}`)
  // A hook is given `res`, or another face of it.
  guard(res, { beforeHeaders: hook, onError } as ResponseHook)
}

type Listener = (req: IncomingMessage, res: ServerResponse) => unknown

/**
 * Runs `next` with the session loaded, and commits it before the first byte of `res`: for
 * middleware of frameworks that have a context object on top of Node's request and response (Koa,
 * Hono). `contextOf(carrier)` is then the context that carries the session; what was bound to
 * `carrier` before stays. `Vary: Cookie` is added just before the first byte, because such
 * frameworks replace headers that were set earlier.
 *
 * Fulfilled with `true` when `next` is done, and rejects as it does. Fulfilled with `false` when
 * the session could not be loaded: `next` was not called, and `errorFunc` has answered, or the
 * client has disconnected.
 */
export function serveWithSession(
  sessionManager: { loadAndSave(handler: Listener): Listener },
  carrier: object,
  req: IncomingMessage,
  res: ServerResponse,
  next: () => Promise<unknown>,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const bound = contextOf(carrier)
    if (bound !== background()) bindContext(req, bound)
    if (!res.headersSent) beforeHeaders(res, varyByCookie, reject)
    let isLoaded = false
    const serve = sessionManager.loadAndSave(() => {
      isLoaded = true
      bindContext(carrier, contextOf(req))
      return next().then(() => resolve(true), reject)
    })
    Promise.resolve(serve(req, res)).then(() => isLoaded || resolve(false))
  })
}

function varyByCookie(res: ServerResponse): void {
  const fields = linesOf(res, 'Vary').join().split(',')
  const varies = fields.some((field) => /^\s*(?:\*|cookie)\s*$/i.test(field))
  if (!varies) addLine(res, 'Vary', 'Cookie')
}
