import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Awaitable } from './awaitable.ts'
import type { Context } from './context.ts'
import type { NodeResponse } from './response-head.ts'
import type { Observer } from './session-data.ts'

/** What is wrapped. */
export type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

/** What the middleware needs of a session manager. */
export interface Sessions {
  /** The session tokens that a request's headers carry: a string when there is one, or none (''). */
  sessionTokens(headers: IncomingHttpHeaders): string | readonly string[]
  /** A context that carries the session; at once where the store answers at once. */
  open(ctx: Context, tokens: string | readonly string[]): Awaitable<Context>
  /** Commits the session and sets its cookie, as its status asks for. */
  save(ctx: Context, res: NodeResponse): unknown
  /** Extends the session when that is due. From then on, changing it throws: the response cannot be held for a commit. */
  seal(ctx: Context): Awaitable<unknown>
  /** Commits what was changed since; nothing to wait for when nothing was. */
  saveLate(ctx: Context): Awaitable<unknown>
  /** Has `observer` hear of each change. */
  observe(ctx: Context, observer: Observer): void
  errorFunc(req: IncomingMessage, res: ServerResponse, error: unknown): unknown
  onError(error: unknown, ctx: Context): void
}
