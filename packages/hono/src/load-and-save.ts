import { bindContext, contextOf, type SessionManager } from '@scs/core'
import type { Context, MiddlewareHandler } from 'hono'
import { nodeBindings, serveOverNode } from './over-node.ts'
import { logAndAnswer, Visit } from './visit.ts'

/** Options of {@link loadAndSave}. */
export interface LoadAndSaveOptions {
  /**
   * Answers a request that failed in loading or in the commit, everywhere but on Node, where the manager's `errorFunc`
   * does. After a commit that failed, nothing is left of the headers that were set before. @default logs the error, and
   * answers with a plain 500
   */
  readonly errorResponse?:
    | ((c: Context, error: unknown) => Response | Promise<Response>)
    | undefined
}

/**
 * Middleware that loads the session before what comes after it, and commits it before the first byte of the response
 * leaves. `contextOf(c)`, of Hono's `c`, is then the context that carries the session. Several managers are several of it,
 * one after the other.
 *
 * On Node, through `@hono/node-server`, it does this as `sessionManager.loadAndSave` for `node:http`, on the response
 * that Hono's is written to. Everywhere else, and in `app.request`, the session is committed when Hono's response is
 * made; what is changed while its body streams, before the end of that.
 *
 * Errors of the application are Hono's to answer: its answer commits.
 */
export function loadAndSave<Values extends object>(
  sessionManager: SessionManager<Values>,
  { errorResponse }: LoadAndSaveOptions = {},
): MiddlewareHandler {
  return async (c, next) => {
    const node = nodeBindings(c)
    if (node) return serveOverNode(sessionManager, node, c, next)
    const visit = new Visit(sessionManager, contextOf(c), (error) => {
      if (!errorResponse) return logAndAnswer(error)
      // What Hono makes begins with the headers of the response that it has.
      if (c.finalized) replaceResponse(c, new Response())
      return errorResponse(c, error)
    })
    const refusal = await visit.load(c.req.raw)
    if (refusal) return refusal
    bindContext(c, visit.ctx)
    await next()
    const response = await visit.save(c.res)
    if (response !== c.res) replaceResponse(c, response)
    return undefined
  }
}

// Hono copies the headers of the former response onto the next, unless there is none in between.
function replaceResponse(c: Context, response: Response): void {
  c.res = undefined
  c.res = response
}
