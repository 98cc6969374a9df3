import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type AnySessionManager,
  background,
  beforeHeaders,
  bindContext,
  contextOf,
} from '@scs/core'
import type { Context, Next } from 'hono'
import { destroyWhenFinished } from './destroy-when-finished.ts'

/** Node's request, and the response that Hono's is written to, as `@hono/node-server` has them in `c.env`. */
export interface NodeBindings {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

/** Where Hono runs on Node; `undefined` elsewhere, in `app.request`, and for an upgrade, which has no response. */
export function nodeBindings(c: Context): NodeBindings | undefined {
  const { incoming, outgoing } = (c.env ?? {}) as Partial<NodeBindings>
  return incoming && typeof outgoing?.writeHead === 'function' ? { incoming, outgoing } : undefined
}

/** Serves one request through `sessionManager.loadAndSave`. Gives a response when loading failed: Node's has its answer then. */
export function serveOverNode(
  sessionManager: AnySessionManager,
  { incoming, outgoing }: NodeBindings,
  c: Context,
  next: Next,
): Promise<Response | undefined> {
  return new Promise((resolve, reject) => {
    const bound = contextOf(c)
    // What other middleware has bound to Hono's context is what the session is added to.
    if (bound !== background()) bindContext(incoming, bound)
    if (!outgoing.headersSent) beforeHeaders(outgoing, () => varyByCookie(outgoing), reject)
    destroyWhenFinished(outgoing)
    let isLoaded = false
    const serve = sessionManager.loadAndSave(() => {
      isLoaded = true
      bindContext(c, contextOf(incoming))
      return next().then(() => resolve(undefined), reject)
    })
    // When loading failed, `errorFunc` has answered, or the client has gone: nobody gets what Hono answers.
    const refused = () => {
      if (!isLoaded) resolve(new Response(null, { status: 500 }))
    }
    const done = serve(incoming, outgoing)
    if (done) done.then(refused)
    else refused()
  })
}

// The headers of Hono's response replace those of the same name that are on Node's.
function varyByCookie(res: ServerResponse): void {
  const fields = [res.getHeader('Vary') ?? []].flat().join().split(',')
  const varies = fields.some((field) => /^\s*(?:\*|cookie)\s*$/i.test(field))
  if (!varies) res.appendHeader('Vary', 'Cookie')
}
