import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Awaitable, isThenable } from './awaitable.ts'
import { bindContext, type Context } from './context.ts'
import { answerWithInternalServerError } from './error-response.ts'
import { type Gate, guard, type Keeper } from './gate.ts'
import { addLine, cut, isClosed, type NodeResponse, onClosed } from './response-head.ts'
import type { Observer } from './session-data.ts'
import type { Handler, Sessions } from './sessions.ts'

/** One request with its session, from the handler's call to the end of the response. */
export class Visit implements Keeper, Observer {
  readonly #sessions: Sessions
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #ctx: Context
  readonly #gate: Gate
  /** How many managers around this one have added their Vary line. */
  readonly #varyBefore: number
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
    this.#varyBefore = this.#gate.varyLines++
    vary(res, 1)
  }

  /** Runs the handler. */
  serve(next: Handler): void {
    try {
      bindContext(this.#req, this.#ctx)
      this.#sessions.observe(this.#ctx, this)
      const handled = next(this.#req, this.#res)
      if (isThenable(handled)) this.#await(handled)
    } catch (error) {
      this.#answer(error, true)
    }
  }

  /** Answers for a session that could not be loaded. */
  refuse(error: unknown): void {
    // When the client has disconnected, there is nobody to answer, and nothing has failed here.
    if (!isClosed(this.#res)) this.#answer(error, false)
  }

  /** Whether the response has been ended, or its connection is gone. */
  get isDone(): boolean {
    return this.#gate.isHandedOn
  }

  /** Calls `listener` when {@link isDone} becomes true. */
  whenDone(listener: () => void): void {
    this.#gate.whenHandedOn(listener)
  }

  // With `alone`, no manager around this one commits anything either.
  #answer(error: unknown, alone: boolean): void {
    if (!this.#gate.fail(this, error, alone)) this.#sessions.onError(error, this.#ctx)
  }

  beforeHeaders(res: NodeResponse): unknown {
    return this.#sessions.save(this.#ctx, res)
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

  // When errorFunc fails itself, its error is reported, and answered with a plain 500.
  onError(error: unknown, answer: NodeResponse): unknown {
    // Over HTTP/2 it has the same methods.
    const res = answer as ServerResponse
    this.#failed = true
    // The head is what it was before the managers from this one inwards added theirs.
    vary(res, this.#gate.varyLines - this.#varyBefore)
    const failed = (secondError: unknown) => {
      this.#sessions.onError(secondError, this.#ctx)
      if (res.headersSent) cut(res)
      else answerWithInternalServerError(res)
    }
    try {
      const answered = this.#sessions.errorFunc(this.#req, res, error)
      return isThenable(answered) ? answered.then(undefined, failed) : undefined
    } catch (secondError) {
      return failed(secondError)
    }
  }

  onCut(error: unknown): void {
    this.#sessions.onError(error, this.#ctx)
  }

  #await(handled: PromiseLike<unknown>): void {
    this.#isRunning = true
    handled.then(
      () => {
        this.#isRunning = false
        if (isClosed(this.#res)) this.#saveUnheard()
      },
      (error) => this.#answer(error, true),
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
    if (this.#failed || this.#gate.abandoned) return undefined
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

// One line for each manager, as SCS.
function vary(res: ServerResponse, lines: number): void {
  if (lines === 0 || res.headersSent) return
  addLine(res, 'Vary', lines === 1 ? 'Cookie' : new Array<string>(lines).fill('Cookie'))
}
