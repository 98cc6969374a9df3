import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AnySessionManager } from './any-session-manager.ts'
import { beforeHeaders } from './before-headers.ts'
import { background, bindContext, contextOf } from './context.ts'
import { addLine } from './response-head.ts'

/**
 * Runs `next` with the session loaded, and commits it before the first byte of `res`: for middleware of frameworks that have a
 * context object of their own on Node's request and response (Koa, Hono). `contextOf(carrier)` is then the context
 * that carries the session; what was bound to `carrier` before stays. `Vary: Cookie` is added just before the first
 * byte, because such frameworks replace headers that were set earlier.
 *
 * Fulfilled with `true` when `next` is done, and rejects as it does. Fulfilled with `false` when the session could not be loaded:
 * `next` was not called, and `errorFunc` has answered, or the client has disconnected.
 */
export function serveWithSession(
  sessionManager: AnySessionManager,
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
    const done = () => {
      if (!isLoaded) resolve(false)
    }
    const ended = serve(req, res)
    if (ended) ended.then(done)
    else done()
  })
}

function varyByCookie(res: ServerResponse): void {
  const fields = [res.getHeader('Vary') ?? []].flat().join().split(',')
  const varies = fields.some((field) => /^\s*(?:\*|cookie)\s*$/i.test(field))
  if (!varies) addLine(res, 'Vary', 'Cookie')
}
