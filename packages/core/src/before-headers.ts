import { SessionError } from './errors.ts'
import { guard } from './gate.ts'
import type { NodeResponse } from './response-head.ts'

/**
 * Runs `hook` once, before the first byte of the response leaves, whatever call makes it leave (`writeHead`,
 * `flushHeaders`, `write` or `end`; a 1xx is not a first byte). The hook may set headers. What it returns is awaited,
 * and the response held meanwhile: calls are kept in order, `write` tells its caller to wait once `writableHighWaterMark`
 * bytes are held, and `headersSent`, `writableEnded` and `finished` answer as after the caller's own calls. A hook that
 * returns nothing to wait for holds nothing. Of several hooks the last added runs first. A writer that does not heed the
 * `false` of `write` has all that it writes kept in memory, as with Node's own buffer.
 *
 * When the hook throws or rejects, what was held is dropped, the head of the response is as it was when the hook was
 * added (cookies that other hooks have set stay), and `onError` answers; what it leaves open is ended. What the handler goes on to do to the response comes to nothing. A held call that Node then refuses (trailers without chunks, a body of another length than
 * `strictContentLength` allows) cuts the connection.
 *
 * For middleware of one's own; `loadAndSave` does this itself. Output that goes past the response object
 * (`res.socket.write`, HTTP/2's `res.stream.respond`) is not seen; a pushed response is one of its own, without a hook.
 *
 * Throws `ERR_SESSION_HEADERS_SENT` when the headers have left.
 */
export function beforeHeaders(
  res: NodeResponse,
  hook: () => unknown,
  onError: (error: unknown) => unknown,
): void {
  if (res.headersSent) {
    throw new SessionError(
      'ERR_SESSION_HEADERS_SENT',
      'beforeHeaders: the headers have left already; add the hook before anything is written',
    )
  }
  guard(res, { beforeHeaders: hook, onError })
}
