import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AnySessionManager, serveWithSession } from '@scs/core'
import type { Context, Next } from 'hono'
import { destroyWhenFinished } from './destroy-when-finished.ts'

/**
 * Node's request, and the response that Hono's is written to, as `@hono/node-server` has them in
 * `c.env`.
 */
export interface NodeBindings {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

/**
 * Where Hono runs on Node; `undefined` elsewhere, in `app.request`, and for an upgrade, which has
 * no response.
 */
export function nodeBindings(c: Context): NodeBindings | undefined {
  const { incoming, outgoing } = (c.env ?? {}) as Partial<NodeBindings>
  return incoming && typeof outgoing?.writeHead === 'function' ? { incoming, outgoing } : undefined
}

/**
 * Serves one request with `sessionManager` on Node. Gives a response when loading failed: the
 * client already has another.
 */
export async function serveOverNode(
  sessionManager: AnySessionManager,
  { incoming, outgoing }: NodeBindings,
  c: Context,
  next: Next,
): Promise<Response | undefined> {
  destroyWhenFinished(outgoing)
  const isLoaded = await serveWithSession(sessionManager, c, incoming, outgoing, next)
  return isLoaded ? undefined : new Response(null, { status: 500 })
}
