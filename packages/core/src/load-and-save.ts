import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { type Awaitable, isThenable } from './awaitable.ts'
import { ClientContext } from './client-context.ts'
import { background, type Context, contextOf } from './context.ts'
import { canBeHeld, cut } from './response-head.ts'
import type { Handler, Sessions } from './sessions.ts'
import { UnheldVisit } from './unheld-visit.ts'
import { Visit as HeldVisit } from './visit.ts'

/**
 * A listener for Node's http and http2 servers. It can be awaited, where a platform takes the end of a handler for the end of
 * its response: it returns `undefined` when the response has been ended already, otherwise a promise, which is fulfilled
 * when the response has been ended (by the handler, or by `errorFunc` after a failure) or its connection is gone. It never
 * throws or rejects.
 */
export interface RequestListener {
  /** For `http.createServer` and `https.createServer`. */
  (req: IncomingMessage, res: ServerResponse): Promise<void> | undefined
  /** For `http2.createServer` and `http2.createSecureServer`. */
  (req: Http2ServerRequest, res: Http2ServerResponse): Promise<void> | undefined
}

type Listener = (req: IncomingMessage, res: ServerResponse) => Promise<void> | undefined

/** Wraps `next` so that each request's session is loaded before it, and committed before the first byte of the response. */
export function loadAndSave(sessions: Sessions, next: Handler): Listener {
  return (req, res) => {
    try {
      return serve(sessions, req, res, next)
    } catch (error) {
      return giveUp(sessions, res, error)
    }
  }
}

function serve(
  sessions: Sessions,
  req: IncomingMessage,
  res: ServerResponse,
  next: Handler,
): Promise<void> | undefined {
  const base = new ClientContext(contextOf(req), res)
  let loading: Awaitable<Context>
  try {
    loading = sessions.open(base, sessions.sessionTokens(req.headers))
  } catch (error) {
    const visit = visitOf(sessions, req, res, base)
    visit.refuse(error)
    return done(visit)
  }
  if (!isThenable(loading)) {
    const visit = visitOf(sessions, req, res, loading)
    visit.serve(next)
    return done(visit)
  }
  return serveLater(sessions, req, res, next, base, loading)
}

// A function of its own: its closures would cost every request memory.
function serveLater(
  sessions: Sessions,
  req: IncomingMessage,
  res: ServerResponse,
  next: Handler,
  base: Context,
  loading: PromiseLike<Context>,
): Promise<void> {
  return new Promise((resolve) => {
    const proceed = (ctx: Context, error?: { readonly cause: unknown }) => {
      try {
        const visit = visitOf(sessions, req, res, ctx)
        if (error) visit.refuse(error.cause)
        else visit.serve(next)
        if (visit.isDone) resolve()
        else visit.whenDone(resolve)
      } catch (error) {
        resolve(giveUp(sessions, res, error))
      }
    }
    loading.then(proceed, (cause) => proceed(base, { cause }))
  })
}

function visitOf(
  sessions: Sessions,
  req: IncomingMessage,
  res: ServerResponse,
  ctx: Context,
): AnyVisit {
  return canBeHeld(res)
    ? new HeldVisit(sessions, req, res, ctx)
    : new UnheldVisit(sessions, req, res, ctx)
}

type AnyVisit = HeldVisit | UnheldVisit

function done(visit: AnyVisit): Promise<void> | undefined {
  return visit.isDone ? undefined : promiseOf(visit)
}

function promiseOf(visit: AnyVisit): Promise<void> {
  return new Promise((resolve) => visit.whenDone(resolve))
}

// For requests and responses so odd that nothing can be answered.
function giveUp(sessions: Sessions, res: ServerResponse, error: unknown): undefined {
  sessions.onError(error, background())
  cut(res)
}
