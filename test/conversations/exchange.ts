import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Context } from '@scs/core'

/** One request, as the handler of a case is given it, whichever server it came through. */
export interface Exchange {
  /** Found by `contextOf` in what this server's own handler is given. */
  readonly ctx: Context
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** Answers in the server's own manner. A handler gives back what this gives, and calls it once. */
  answer(reply: Reply): unknown
  /** A redirect in the server's own manner, with status 302; to be given back too. */
  redirect(location: string): unknown
  /** Takes the response out of the server's hands, as it was before: what is written to `res` is the answer. */
  raw(): Raw
}

/** An answer; by default 200, without a body. */
export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Buffer | Readable
}

/** Node's own request and response; over HTTP/2 those of its compatibility API. */
export interface Raw {
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

/** What `errorFunc` answers in every case, with status 500; servers without `errorFunc` answer the same. */
export function failure(error: unknown): string {
  return `failed: ${(error as Error).message}`
}
