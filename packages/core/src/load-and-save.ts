import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { type Awaitable, isThenable } from './awaitable.ts'
import { ClientContext } from './client-context.ts'
import { bindContext, type Context, contextOf } from './context.ts'
import { type Gate, guard, type Keeper } from './gate.ts'
import { addLine, cut, isClosed, onClosed } from './response-head.ts'
import type { Observer } from './session-data.ts'

/** A handler for Node's http and http2 servers, of whatever kind the request is. */
export interface RequestListener {
  /** For `http.createServer` and `https.createServer`. */
  (req: IncomingMessage, res: ServerResponse): void
  /** For `http2.createServer` and `http2.createSecureServer`. */
  (req: Http2ServerRequest, res: Http2ServerResponse): void
}

/** What the middleware needs of a session manager. */
export interface Sessions {
  readSessionCookie(headers: IncomingHttpHeaders): string
  /** A context that carries the session; at once where the store answers at once. */
  open(ctx: Context, token: string): Awaitable<Context>
  /** Commits the session and sets its cookie, as its status asks for. */
  save(ctx: Context, res: ServerResponse): unknown
  /** Commits what was changed since; nothing to wait for when nothing was. */
  saveLate(ctx: Context): Awaitable<unknown>
  /** Has `observer` hear of each change. */
  observe(ctx: Context, observer: Observer): void
  errorFunc(req: IncomingMessage, res: ServerResponse, error: unknown): unknown
  onError(error: unknown, ctx: Context): void
}

/** Wraps `next` so that each request finds its session loaded, and has it committed before its first byte leaves. */
export function loadAndSave(
  sessions: Sessions,
  next: (req: IncomingMessage, res: ServerResponse) => unknown,
): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) => {
    const base = new ClientContext(contextOf(req), res)
    let loading: Awaitable<Context>
    try {
      loading = sessions.open(base, sessions.readSessionCookie(req.headers))
    } catch (error) {
      refuse(sessions, req, res, base, error)
      return
    }
    if (isThenable(loading)) serveLater(sessions, req, res, base, loading, next)
    else new Visit(sessions, req, res, loading).serve(next)
  }
}

// A rejection of `serve` cannot be: it answers what the handler throws.
function serveLater(
  sessions: Sessions,
  req: IncomingMessage,
  res: ServerResponse,
  base: Context,
  loading: PromiseLike<Context>,
  next: (req: IncomingMessage, res: ServerResponse) => unknown,
): void {
  loading.then(
    (ctx) => new Visit(sessions, req, res, ctx).serve(next),
    (error) => refuse(sessions, req, res, base, error),
  )
}

function refuse(
  sessions: Sessions,
  req: IncomingMessage,
  res: ServerResponse,
  ctx: Context,
  error: unknown,
): void {
  // Nobody is left to answer, and nothing has gone wrong here.
  if (!isClosed(res)) new Visit(sessions, req, res, ctx).answer(error, false)
}

/** A plain 500, as SCS's default ErrorFunc. */
export function answerWithInternalServerError(res: ServerResponse): void {
  res.statusCode = 500
  res.setHeader('Content-Type', 'text/plain; charset=utf-8')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.end('Internal Server Error\n')
}

/** One request with its session, from the handler's call to the end of the response. */
class Visit implements Keeper, Observer {
  readonly #sessions: Sessions
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #ctx: Context
  readonly #gate: Gate
  #awaitsClose = false
  /** Whether the handler is known to be at work still. */
  #isRunning = false
  /** After an error nothing more is committed. */
  #failed = false

  constructor(sessions: Sessions, req: IncomingMessage, res: ServerResponse, ctx: Context) {
    this.#sessions = sessions
    this.#req = req
    this.#res = res
    this.#ctx = ctx
    this.#gate = guard(res, this)
    // After the gate has seen the head, which has no line yet in most cases: that is cheaper to remember.
    this.#vary()
  }

  serve(next: (req: IncomingMessage, res: ServerResponse) => unknown): void {
    bindContext(this.#req, this.#ctx)
    this.#sessions.observe(this.#ctx, this)
    try {
      const handled = next(this.#req, this.#res)
      if (isThenable(handled)) this.#await(handled)
    } catch (error) {
      this.answer(error, true)
    }
  }

  /** Answers `error`; `alone`: no manager around this one commits anything either. */
  answer(error: unknown, alone: boolean): void {
    if (!this.#gate.fail(this, error, alone)) this.#sessions.onError(error, this.#ctx)
  }

  beforeHeaders(): unknown {
    return this.#sessions.save(this.#ctx, this.#res)
  }

  beforeEnd(): Awaitable<unknown> {
    return this.#saveLate()
  }

  /** For what is changed too late for the response's end, and for a response that never comes to one. */
  changed(): void {
    if (this.#awaitsClose) return
    this.#awaitsClose = true
    const save = () => {
      this.#awaitsClose = false
      this.#saveUnheard()
    }
    if (isClosed(this.#res)) setImmediate(save)
    else onClosed(this.#res, save)
  }

  // Whatever errorFunc does, there is an answer: an error of its own is told, and answered plainly.
  onError(error: unknown): unknown {
    this.#failed = true
    this.#vary()
    const failed = (secondError: unknown) => {
      this.#sessions.onError(secondError, this.#ctx)
      if (this.#res.headersSent) cut(this.#res)
      else answerWithInternalServerError(this.#res)
    }
    try {
      const answered = this.#sessions.errorFunc(this.#req, this.#res, error)
      return isThenable(answered) ? answered.then(undefined, failed) : undefined
    } catch (secondError) {
      return failed(secondError)
    }
  }

  onCut(error: unknown): void {
    this.#sessions.onError(error, this.#ctx)
  }

  #vary(): void {
    if (!this.#res.headersSent) addLine(this.#res, 'Vary', 'Cookie')
  }

  #await(handled: PromiseLike<unknown>): void {
    this.#isRunning = true
    handled.then(
      () => {
        this.#isRunning = false
        if (isClosed(this.#res)) this.#saveUnheard()
      },
      (error) => this.answer(error, true),
    )
  }

  // The client has gone, or has its whole response: what was changed is committed all the same.
  #saveUnheard(): void {
    if (this.#gate.begun) this.#saveLate()
    // A handler that is at work may still fail: then nothing is to be committed.
    else if (!this.#isRunning) this.#gate.release()
  }

  // The client has its response, or part of it: an error can only be told, and the connection cut.
  #saveLate(): Awaitable<unknown> {
    if (this.#failed) return undefined
    try {
      const saving = this.#sessions.saveLate(this.#ctx)
      return isThenable(saving) ? this.#savedLate(saving) : undefined
    } catch (error) {
      return this.#failLate(error)
    }
  }

  #savedLate(saving: PromiseLike<unknown>): PromiseLike<unknown> {
    return saving.then(undefined, (error) => this.#failLate(error))
  }

  #failLate(error: unknown): void {
    this.#failed = true
    this.#sessions.onError(error, this.#ctx)
    cut(this.#res)
  }
}
