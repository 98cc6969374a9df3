import {
  type AnySessionManager,
  bindContext,
  checkManager,
  checkOptions,
  contextOf,
  type OptionNames,
} from '@scs/core'
import { checkErrorResponse, FetchSession, logAndAnswer } from '@scs/fetch'
import type { Context, MiddlewareHandler, Next } from 'hono'
import { nodeBindings, serveOverNode } from './over-node.ts'

/** Options of {@link loadAndSave}. */
export interface LoadAndSaveOptions {
  /**
   * Answers a request that failed in loading or in the commit, everywhere but on Node, where the
   * manager's `errorFunc` does. After a commit that failed, nothing is left of the headers that
   * were set before. @default logs the error, and answers with a plain 500
   */
  readonly errorResponse?:
    | ((c: Context, error: unknown) => Response | Promise<Response>)
    | undefined
}

const optionNames: OptionNames<LoadAndSaveOptions> = { errorResponse: true }

/**
 * Middleware that loads the session before what comes after it, and commits it before the first
 * byte of the response leaves. `contextOf(c)`, of Hono's `c`, is then the context that carries the
 * session. Several managers are several of it, one after the other.
 *
 * On Node, through `@hono/node-server`, it does this as `sessionManager.loadAndSave` for
 * `node:http`, on the response that Hono's is written to. Everywhere else, and in `app.request`,
 * the session is committed when Hono's response is made; what is changed while its body streams,
 * before the end of that.
 *
 * Errors of the application are Hono's to answer: its answer commits.
 *
 * Throws a TypeError without a manager, also when it is given to `app.use` uncalled: then at the
 * first request.
 */
export function loadAndSave(
  sessionManager: AnySessionManager,
  options: LoadAndSaveOptions = {},
): MiddlewareHandler {
  checkManager(sessionManager, 'app.use(loadAndSave(sessionManager))')
  checkOptions('loadAndSave', options, optionNames)
  const { errorResponse } = options
  checkErrorResponse(errorResponse)
  return (c, next) => {
    if (typeof next !== 'function' || !c?.req?.raw) throw notHono()
    return serve(c, next)
  }

  async function serve(c: Context, next: Next): Promise<Response | undefined> {
    const node = nodeBindings(c)
    if (node) return serveOverNode(sessionManager, node, c, next)
    const session = new FetchSession(sessionManager, contextOf(c), (error) => {
      if (!errorResponse) return logAndAnswer(error)
      // What Hono makes begins with the headers of the response that it has.
      if (c.finalized) replaceResponse(c, new Response())
      return errorResponse(c, error)
    })
    const refusal = await session.load(c.req.raw)
    if (refusal) return refusal
    bindContext(c, session.ctx)
    await next()
    const response = await session.save(c.res)
    if (response !== c.res) replaceResponse(c, response)
    return undefined
  }
}

function notHono(): TypeError {
  return new TypeError(
    'loadAndSave of @scs/hono makes middleware (c, next) of Hono, and was called otherwise: Express, Fastify and Koa have packages of their own',
  )
}

// Hono copies the headers of the former response onto the next, unless there is none in between.
function replaceResponse(c: Context, response: Response): void {
  c.res = undefined
  c.res = response
}
