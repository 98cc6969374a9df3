import type { IncomingMessage, ServerResponse } from 'node:http'
import { bindContext, type Context } from '../context.ts'
import type { Observer } from '../session/session-data.ts'
import { type Awaitable, isThenable, orElse } from '../util/promises.ts'
import { answerWithInternalServerError } from './error-response.ts'
import type { ManagedSessions } from './managed-sessions.ts'
import { guard, type ResponseGate, type ResponseHook } from './response-gate.ts'
import { addLine, cut, isClosed, type NodeResponse, onClosed } from './response-head.ts'

/** What is wrapped. */
export type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

/** One request with its session, from loading it to the end of the response. */
export class RequestSession implements ResponseHook, Observer {
  readonly #sessions: ManagedSessions
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #next: Handler
  /** Carries the session once that is loaded. */
  #ctx: Context
  #gate!: ResponseGate
  /** How many managers around this one have added their Vary line. */
  #varyBefore = 0
  #awaitsClose = false
  /** Whether the handler is known to be running. */
  #isRunning = false
  /** The commit before the first byte, where it is asynchronous. */
  #saving: PromiseLike<unknown> | undefined
  /** After an error nothing more is committed. */
  #failed = false

  constructor(
    sessions: ManagedSessions,
    req: IncomingMessage,
    res: ServerResponse,
    next: Handler,
    client: Context,
  ) {
    this.#sessions = sessions
    this.#req = req
    this.#res = res
    this.#next = next
    this.#ctx = client
  }

  /**
   * Loads the session, and runs the handler. `undefined` when the response has been ended,
   * otherwise a promise of that.
   */
  serve(): Promise<void> | undefined {
    let loading: Awaitable<Context> | undefined
    try {
      loading = this.#sessions.open(this.#ctx, this.#sessions.cookies.read(this.#req.headers))
    } catch (error) {
      this.#refuse(error)
    }
    if (isThenable(loading)) return this.#serveLater(loading)
    if (loading) this.#run(loading)
    return this.#gate.isHandedOn ? undefined : this.#end()
  }

  #end(): Promise<void> {
    return new Promise((resolve) => this.#gate.whenHandedOn(resolve))
  }

  // Apart from `serve`, where its closures would cost every request memory.
  #serveLater(loading: PromiseLike<Context>): Promise<void> {
    return new Promise((resolve) => {
      const settle = (begin: () => void) => {
        try {
          begin()
          if (this.#gate.isHandedOn) resolve()
          else this.#gate.whenHandedOn(resolve)
        } catch (error) {
          this.#report(error)
          resolve(cut(this.#res))
        }
      }
      loading.then(
        (ctx) => settle(() => this.#run(ctx)),
        (error) => settle(() => this.#refuse(error)),
      )
    })
  }

  // Runs the handler.
  #run(ctx: Context): void {
    this.#ctx = ctx
    this.#enter()
    try {
      bindContext(this.#req, ctx)
      this.#sessions.data(ctx).observer = this
      const handled = this.#next(this.#req, this.#res)
      if (isThenable(handled)) this.#await(handled)
    } catch (error) {
      this.#fail(error, true)
    }
  }

  #enter(): void {
    this.#gate = guard(this.#res, this)
    // After the gate has seen the head, which has no line yet in most cases: that is cheaper to
    // remember.
    this.#varyBefore = this.#gate.varyLines++
    vary(this.#res, 1)
  }

  #await(handled: PromiseLike<unknown>): void {
    this.#isRunning = true
    handled.then(
      () => {
        this.#isRunning = false
        if (isClosed(this.#res)) this.#saveWhenClosed()
      },
      (error) => this.#fail(error, true),
    )
  }

  // Answers for a session that could not be loaded.
  #refuse(error: unknown): void {
    this.#enter()
    // When the client has disconnected, there is nobody to answer, and nothing has failed here.
    if (!isClosed(this.#res)) this.#fail(error, false)
  }

  // With `alone`, no manager around this one commits anything either.
  #fail(error: unknown, alone: boolean): void {
    if (!this.#gate.fail(this, error, alone)) this.#report(error)
  }

  beforeHeaders(res: NodeResponse): unknown {
    const saving = this.#sessions.save(this.#ctx, res)
    if (isThenable(saving)) this.#saving = saving
    return saving
  }

  /**
   * For what is changed too late for the end of the response, and for a response that is never
   * ended.
   */
  changed(): void {
    if (this.#awaitsClose) return
    this.#awaitsClose = true
    const save = () => {
      this.#awaitsClose = false
      this.#saveWhenClosed()
    }
    if (isClosed(this.#res)) setImmediate(save)
    else onClosed(this.#res, save)
  }

  // The client has gone, or has its whole response.
  #saveWhenClosed(): void {
    if (this.#saving) this.#saving.then(() => this.beforeEnd(), ignore)
    else if (this.#gate.begun) this.beforeEnd()
    // A handler that is running may still fail: then nothing is to be committed.
    else if (!this.#isRunning) this.#gate.release()
  }

  beforeEnd(): Awaitable<unknown> {
    if (this.#failed || this.#gate.abandoned) return undefined
    return this.#sessions.hasLateChanges(this.#ctx) ? this.#commitLate() : undefined
  }

  // The client has its response, or part of it: an error can only be reported, and the connection
  // cut.
  async #commitLate(): Promise<void> {
    try {
      await this.#sessions.saveLate(this.#ctx)
    } catch (error) {
      this.#failed = true
      this.#report(error)
      cut(this.#res)
    }
  }

  // When errorFunc fails itself, its error is reported, and answered with a plain 500.
  onError(error: unknown, response: NodeResponse): unknown {
    // Over HTTP/2 it has the same methods.
    const res = response as ServerResponse
    this.#failed = true
    // The head is what it was before the managers from this one inwards added theirs.
    vary(res, this.#gate.varyLines - this.#varyBefore)
    return orElse<unknown>(
      () => this.#sessions.settings.errorFunc(this.#req, res, error),
      (secondError) => {
        this.#report(secondError)
        // The connection is then cut, unless another error response has replaced this one.
        if (res.headersSent) throw secondError
        answerWithInternalServerError(res)
      },
    )
  }

  onCut(error: unknown): void {
    this.#report(error)
  }

  #report(error: unknown): void {
    this.#sessions.settings.onError(error, this.#ctx)
  }
}

function ignore(): void {}

// One line for each manager, as SCS.
function vary(res: ServerResponse, lines: number): void {
  if (lines === 0 || res.headersSent) return
  addLine(res, 'Vary', lines === 1 ? 'Cookie' : new Array<string>(lines).fill('Cookie'))
}
