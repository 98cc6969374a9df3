import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Awaitable, andThen, isThenable, orElse } from './awaitable.ts'
import { bindContext, type Context } from './context.ts'
import { second } from './duration.ts'
import type { Handler, Sessions } from './sessions.ts'

/** How long errorFunc may take when it returned nothing. */
const longestAnswer = 5 * second

/**
 * One request whose response cannot be held for a commit: the handshake of a WebSocket, as socket.io hands it to its
 * middleware, or an object with a part of a ServerResponse. The handler finds the session; changing it throws.
 */
export class UnheldVisit {
  readonly #sessions: Sessions
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #ctx: Context
  #pending: PromiseLike<unknown> | undefined

  constructor(sessions: Sessions, req: IncomingMessage, res: ServerResponse, ctx: Context) {
    this.#sessions = sessions
    this.#req = req
    this.#res = res
    this.#ctx = ctx
  }

  /** Runs the handler. */
  serve(next: Handler): void {
    this.#await(() =>
      andThen(this.#sessions.seal(this.#ctx), () => {
        bindContext(this.#req, this.#ctx)
        return next(this.#req, this.#res) as Awaitable<unknown>
      }),
    )
  }

  /** Answers for a session that could not be loaded. */
  refuse(error: unknown): void {
    this.#await(() => {
      throw error
    })
  }

  /** Whether the handler has returned, and a failure has been answered. */
  get isDone(): boolean {
    return this.#pending === undefined
  }

  /** Calls `listener` when {@link isDone} becomes true. */
  whenDone(listener: () => void): void {
    this.#pending?.then(listener)
  }

  // What is waited for never rejects.
  #await(run: () => Awaitable<unknown>): void {
    const failed = (error: unknown) => {
      this.#sessions.onError(error, this.#ctx)
      this.#end()
    }
    const result = orElse<unknown>(
      () => orElse<unknown>(run, (error) => this.#answer(error)),
      failed,
    )
    if (isThenable(result)) this.#pending = result
  }

  #answer(error: unknown): unknown {
    const answered = this.#sessions.errorFunc(this.#req, this.#res, error)
    if (isThenable(answered)) return answered.then(() => this.#end())
    setTimeout(() => this.#end(), longestAnswer).unref()
    return undefined
  }

  // An errorFunc that only logs, or fails, would leave the client waiting.
  #end(): void {
    const res = this.#res
    try {
      if (res.writableEnded) return
      if (!res.headersSent && res.statusCode < 500) res.statusCode = 500
      res.end()
    } catch (error) {
      this.#sessions.onError(error, this.#ctx)
    }
  }
}
