import { type AnySessionManager, checkManager, serveWithSession } from '@scs/core'
import type { Middleware } from 'koa'

/**
 * Middleware that loads the session before what comes after it, and commits it before the first
 * byte of the response leaves, as `sessionManager.loadAndSave` does for `node:http`.
 * `contextOf(ctx)`, of Koa's `ctx`, is then the context that carries the session. Several managers
 * are several of it, one after the other.
 *
 * An error in loading or committing is answered by the manager's `errorFunc`; what comes after is
 * not called when loading failed. Errors of the application are Koa's to answer: its answer
 * commits.
 *
 * Throws a TypeError without a manager, also when it is given to `app.use` uncalled: then at the
 * first request.
 */
export function loadAndSave(sessionManager: AnySessionManager): Middleware {
  checkManager(sessionManager, 'app.use(loadAndSave(sessionManager))')
  return (ctx, next) => {
    if (typeof next !== 'function' || !ctx?.req || !ctx.res) throw notKoa()
    return serveWithSession(sessionManager, ctx, ctx.req, ctx.res, next)
  }
}

function notKoa(): TypeError {
  return new TypeError(
    'loadAndSave of @scs/koa makes middleware (ctx, next) of Koa, and was called otherwise: Express, Fastify and Hono have packages of their own',
  )
}
