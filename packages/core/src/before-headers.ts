import { SessionError } from './errors.ts'
import { guard, type Keeper } from './gate.ts'
import { canBeHeld, type NodeResponse } from './response-head.ts'

/**
 * Runs `hook` once, just before the first byte of the response is sent, whichever call sends it (`writeHead`,
 * `flushHeaders`, `write` or `end`; a 1xx response is not a first byte). The hook may set headers, on the `res` that it is
 * given. A promise that it returns is awaited, and the response is held meanwhile: calls are kept in order, `write`
 * returns `false` once `writableHighWaterMark` bytes are held, and `headersSent` is true. `finished`, `writableEnded` and
 * `writableFinished` stay false until the response is really ended. A hook that returns nothing to wait for holds nothing.
 * Of several hooks, the last one added runs first. A writer that ignores the `false` of `write` has all that it writes
 * kept in memory, as with Node's own buffer.
 *
 * When the hook throws or rejects, held calls are dropped, the headers become what they were when the hook was added
 * (cookies that other hooks have set stay), and `onError` answers, through the `res` that it is given: calls of the
 * handler take no effect any more. A promise that it returns is awaited; otherwise it may also answer in a callback,
 * within five seconds. A response that is then still open is ended, with a status of at least 500. A held call that Node
 * refuses later (trailers without chunks, a body of another length than `strictContentLength` allows) cuts the
 * connection.
 *
 * For your own middleware; `loadAndSave` does this itself. Output that bypasses the response object
 * (`res.socket.write`, HTTP/2's `res.stream.respond`) is not seen; a pushed response is another response, without a hook.
 *
 * Throws `ERR_SESSION_HEADERS_SENT` when the headers have been sent, or when the response lacks the methods that are
 * needed to hold it.
 */
export function beforeHeaders<Response extends NodeResponse>(
  res: Response,
  hook: (res: Response) => unknown,
  onError: (error: unknown, res: Response) => unknown,
): void {
  if (!canBeHeld(res)) {
    throw new SessionError(
      'ERR_SESSION_HEADERS_SENT',
      'beforeHeaders: this response cannot be held, as it lacks methods of a ServerResponse',
    )
  }
  if (res.headersSent) {
    throw new SessionError(
      'ERR_SESSION_HEADERS_SENT',
      'beforeHeaders: the headers have been sent already; add the hook before anything is written',
    )
  }
  // What a keeper is given is `res` itself, or another face of it.
  guard(res, { beforeHeaders: hook, onError } as Keeper)
}
