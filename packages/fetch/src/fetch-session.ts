import { type AnySessionManager, type Context, contextKey, withSignal, withValue } from '@scs/core'
import { endAfter } from './end-after.ts'

/** Answers a request that failed. */
export type AnswerError = (error: unknown) => Response | Promise<Response>

/** What the managers of one request know of each other. */
interface Company {
  /** Each writes the cookie of a session that is committed already. */
  readonly cookies: Array<(headers: Headers) => void>
  /** After an error of the handler nobody commits. */
  handlerFailed: boolean
  /** How many managers there are. */
  size: number
}

const companyKey = contextKey<Company>('scs.company')

/**
 * One request with its session, for adapters of frameworks whose handlers return a `Response`: call
 * {@link load} before the handler, then {@link save} with its response, or {@link fail} with its
 * error.
 */
export class FetchSession {
  readonly #sessionManager: AnySessionManager
  readonly #answerError: AnswerError
  readonly #company: Company
  /** How many managers are around this one. */
  readonly #place: number
  #ctx: Context

  /**
   * Loads nothing yet.
   *
   * @param base the context that the session is added to
   * @param answerError makes the response after a failure
   */
  constructor(sessionManager: AnySessionManager, base: Context, answerError: AnswerError) {
    this.#sessionManager = sessionManager
    this.#answerError = answerError
    this.#company = base.value(companyKey) ?? { cookies: [], handlerFailed: false, size: 0 }
    this.#place = this.#company.size++
    this.#ctx = withValue(base, companyKey, this.#company)
  }

  /** The context of the request; it carries the session when {@link load} is done. */
  get ctx(): Context {
    return this.#ctx
  }

  /**
   * Loads the session. Gives a response when that failed: return it, and do not call the handler.
   */
  async load({ headers, signal }: Request): Promise<Response | undefined> {
    // Not every runtime has a signal.
    if (signal) this.#ctx = withSignal(this.#ctx, signal)
    try {
      const tokens = this.#sessionManager.readSessionCookies(headers)
      this.#ctx = await this.#sessionManager.load(this.#ctx, tokens)
      return undefined
    } catch (error) {
      // Nobody is left to answer, and nothing has gone wrong here.
      return signal?.aborted ? internalServerError() : this.#answer(error)
    }
  }

  /**
   * Commits the session, and gives `response` with its cookie; the error response when that failed.
   */
  async save(response: Response): Promise<Response> {
    if (this.#company.handlerFailed) return response
    try {
      return await this.#save(varyByCookie(response))
    } catch (error) {
      return this.#answer(error)
    }
  }

  /** Gives the error response for an error of the handler: nothing is committed. */
  fail(error: unknown): Promise<Response> {
    this.#company.handlerFailed = true
    return this.#answer(error)
  }

  async #save(response: Response): Promise<Response> {
    const { headers } = response
    const sessionManager = this.#sessionManager
    const ctx = this.#ctx
    const committed = await sessionManager.commitAndWriteSessionCookie(ctx, headers)
    if (committed || sessionManager.status(ctx) === 'destroyed') {
      const { token = '', expiry } = committed ?? {}
      this.#company.cookies.push((to) => sessionManager.writeSessionCookie(ctx, to, token, expiry))
    }
    // A session that the client has no token of cannot be changed any more.
    if (!sessionManager.token(ctx) || !response.body) return response
    return new Response(
      endAfter(response.body, () => this.#saveLate(headers)),
      response,
    )
  }

  // The client has its response, or part of it: an error can only be told, and the body broken off.
  async #saveLate(headers: Headers): Promise<void> {
    try {
      await this.#sessionManager.commitAndWriteSessionCookie(this.#ctx, headers)
    } catch (error) {
      this.#sessionManager.onError(error, this.#ctx)
      throw error
    }
  }

  async #answer(error: unknown): Promise<Response> {
    let response = await this.#ask(error)
    // One line for each manager from this one inwards: theirs went with the handler's response.
    for (let n = this.#place; n < this.#company.size; n++) response = varyByCookie(response)
    for (const writeCookie of this.#company.cookies) writeCookie(response.headers)
    return response
  }

  // There is always an answer: when `errorResponse` fails, its error is reported, and the answer is
  // a plain 500.
  async #ask(error: unknown): Promise<Response> {
    try {
      return await this.#answerError(error)
    } catch (secondError) {
      this.#sessionManager.onError(secondError, this.#ctx)
      return internalServerError()
    }
  }
}

/** Throws a TypeError unless it is left out or a function. */
export function checkErrorResponse(errorResponse: unknown): void {
  if (errorResponse === undefined || typeof errorResponse === 'function') return
  throw new TypeError('errorResponse must be a function')
}

/** Logs the error and answers with a plain 500, as a manager's default `errorFunc`. */
export function logAndAnswer(error: unknown): Response {
  console.error('scs:', error)
  return internalServerError()
}

function internalServerError(): Response {
  return new Response('Internal Server Error\n', {
    status: 500,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' },
  })
}

// Gives a response whose headers can be changed: those of a redirect, or of a fetched response,
// cannot.
function varyByCookie(response: Response): Response {
  try {
    response.headers.append('Vary', 'Cookie')
    return response
  } catch {
    // There is no copying of an upgrade.
    if (response.status === 101) return response
    const copy = new Response(response.body, response)
    copy.headers.append('Vary', 'Cookie')
    return copy
  }
}
