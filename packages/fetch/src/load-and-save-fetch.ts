import {
  type AnySessionManager,
  bindContext,
  checkManager,
  checkOptions,
  contextOf,
  type OptionNames,
} from '@scs/core'
import { checkErrorResponse, FetchSession, logAndAnswer } from './fetch-session.ts'

/** Options of {@link loadAndSaveFetch}. */
export interface LoadAndSaveFetchOptions<Req extends Request = Request> {
  /**
   * Answers a request that failed: in loading, in the handler or in the commit. It has the place
   * that a manager's `errorFunc` has on Node. @default logs the error, and answers with a plain 500
   */
  readonly errorResponse?:
    | ((request: Req, error: unknown) => Response | Promise<Response>)
    | undefined
}

const optionNames: OptionNames<LoadAndSaveFetchOptions> = { errorResponse: true }

/**
 * Wraps a handler of the form `(request) => Response`, as `Bun.serve`, `Deno.serve` and Cloudflare
 * Workers take it: the request's session is loaded before it runs, and committed before the
 * response is handed over, with the cookie. The handler finds the session by `contextOf(request)`;
 * what else it is called with is passed on. Several managers are several of it, one around the
 * other.
 *
 * When loading, the handler or the commit fails, `errorResponse` answers; after an error of the
 * handler nothing is committed. Changes while the body streams are committed before its end, or
 * when it is cancelled. If that fails, the manager's `onError` receives the error, and the body
 * breaks off. A change of which the client could not learn throws `ERR_SESSION_HEADERS_SENT`.
 *
 * Throws a TypeError without a manager or a handler, and the function that it makes one for what is
 * no Request.
 */
export function loadAndSaveFetch<Req extends Request = Request, Rest extends unknown[] = []>(
  sessionManager: AnySessionManager,
  handler: (request: Req, ...rest: Rest) => Response | Promise<Response>,
  options: LoadAndSaveFetchOptions<Req> = {},
): (request: Req, ...rest: Rest) => Promise<Response> {
  checkManager(sessionManager, 'loadAndSaveFetch(sessionManager, (request) => …)')
  if (typeof handler !== 'function') {
    throw new TypeError(
      'loadAndSaveFetch takes a handler as well: write loadAndSaveFetch(sessionManager, (request) => …)',
    )
  }
  checkOptions('loadAndSaveFetch', options, optionNames)
  const { errorResponse } = options
  checkErrorResponse(errorResponse)
  return (request, ...rest) => {
    if (typeof request?.headers?.get !== 'function') throw noRequest()
    return serve(request, rest)
  }

  async function serve(request: Req, rest: Rest): Promise<Response> {
    const session = new FetchSession(sessionManager, contextOf(request), (error) =>
      errorResponse ? errorResponse(request, error) : logAndAnswer(error),
    )
    const refusal = await session.load(request)
    if (refusal) return refusal
    bindContext(request, session.ctx)
    let response: Response
    try {
      response = await handler(request, ...rest)
    } catch (error) {
      return session.fail(error)
    }
    return session.save(response)
  }
}

function noRequest(): TypeError {
  return new TypeError(
    'loadAndSaveFetch makes a handler (request: Request) => Response, and was called otherwise: http.createServer takes sessionManager.loadAndSave(handler)',
  )
}
