import type { ServerResponse } from 'node:http'
import {
  type AnySessionManager,
  background,
  beforeHeaders,
  bindContext,
  checkManager,
  contextOf,
} from '@scs/core'
import type { Middleware } from 'koa'

/**
 * Middleware that loads the session before what comes after it, and commits it before the first byte of the response
 * leaves, as `sessionManager.loadAndSave` does for `node:http`. `contextOf(ctx)`, of Koa's `ctx`, is then the context that
 * carries the session. Several managers are several of it, one after the other.
 *
 * An error in loading or committing is answered by the manager's `errorFunc`; what comes after is not called when loading
 * failed. Errors of the application are Koa's to answer: its answer commits.
 *
 * Throws a TypeError without a manager, also when it is given to `app.use` uncalled: then at the first request.
 */
export function loadAndSave(sessionManager: AnySessionManager): Middleware {
  checkManager(sessionManager, 'app.use(loadAndSave(sessionManager))')
  return (ctx, next) => {
    if (typeof next !== 'function' || !ctx?.req || !ctx.res) throw notKoa()
    return new Promise<void>((resolve, reject) => {
      const { req, res } = ctx
      const bound = contextOf(ctx)
      // What other middleware has bound to Koa's context is what the session is added to.
      if (bound !== background()) bindContext(req, bound)
      if (!res.headersSent) beforeHeaders(res, () => varyByCookie(res), reject)
      let isLoaded = false
      const serve = sessionManager.loadAndSave(() => {
        isLoaded = true
        bindContext(ctx, contextOf(req))
        return next().then(resolve, reject)
      })
      // When loading failed, `errorFunc` has answered, or the client has gone: Koa finds nothing left to do.
      const refused = () => {
        if (!isLoaded) resolve()
      }
      const done = serve(req, res)
      if (done) done.then(refused)
      else refused()
    })
  }
}

function notKoa(): TypeError {
  return new TypeError(
    'loadAndSave of @scs/koa makes middleware (ctx, next) of Koa, and was called otherwise: Express, Fastify and Hono have packages of their own',
  )
}

// Koa's answer to an error begins with removing every header, and `ctx.vary` is not all that an application may use.
function varyByCookie(res: ServerResponse): void {
  const lines = [res.getHeader('Vary') ?? []].flat().map(String)
  const varies = lines
    .join()
    .split(',')
    .some((field) => /^\s*(?:\*|cookie)\s*$/i.test(field))
  if (!varies) res.setHeader('Vary', [...lines, 'Cookie'])
}
