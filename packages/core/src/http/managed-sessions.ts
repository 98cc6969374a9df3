import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { type Context, type ContextKey, contextKey, withValue } from '../context.ts'
import { revoked, SessionError } from '../errors.ts'
import { PendingCalls } from '../session/session-calls.ts'
import { type Committed, rememberMeKey, type SessionData } from '../session/session-data.ts'
import { SessionLifecycle } from '../session/session-lifecycle.ts'
import type { SessionSettings } from '../session/session-rows.ts'
import { type Awaitable, andThen, isThenable } from '../util/promises.ts'
import { Timeout } from '../util/timeout.ts'
import { CookieWriter } from './cookie.ts'
import type { SessionCookie } from './cookie-options.ts'
import type { NodeResponse } from './response-head.ts'

/** What is configured about sessions and their responses. */
export interface ManagedSettings extends SessionSettings {
  readonly cookie: Readonly<SessionCookie>
  readonly errorFunc: (req: IncomingMessage, res: ServerResponse, error: unknown) => unknown
}

/** How tokens are read and written; a subclass of the session manager may override both. */
export interface TokenCookies {
  /**
   * The session tokens that a request's headers carry: a string when there is one, or none ('').
   */
  read(headers: IncomingHttpHeaders): string | readonly string[]
  write(ctx: Context, to: NodeResponse | Headers, token: string, expiry?: Date): void
}

/** The sessions of one manager: what its methods and its requests share. */
export class ManagedSessions {
  readonly settings: ManagedSettings
  readonly cookies: TokenCookies
  readonly lifecycle: SessionLifecycle
  readonly #cookieWriter: CookieWriter
  readonly #key: ContextKey<SessionData> = contextKey('scs.session')
  /**
   * Shared by all managers with this cookie name, also by those of another copy of this package.
   */
  readonly #cookieKey: ContextKey<true>

  constructor(settings: ManagedSettings, cookies: TokenCookies) {
    this.settings = settings
    this.cookies = cookies
    this.lifecycle = new SessionLifecycle(settings)
    this.#cookieWriter = new CookieWriter(settings.cookie)
    const shared: unknown = Symbol.for(`scs.session.${settings.cookie.name}`)
    this.#cookieKey = shared as ContextKey<true>
  }

  /** The session that `ctx` carries, if any. */
  find(ctx: Context): SessionData | undefined {
    return typeof ctx?.value === 'function' ? ctx.value(this.#key) : undefined
  }

  /** The session that `ctx` carries; throws `ERR_SESSION_NOT_LOADED` when there is none. */
  data(ctx: Context): SessionData {
    const data = this.find(ctx)
    if (data) return data
    throw new SessionError(
      'ERR_SESSION_NOT_LOADED',
      'scs: no session data in context: wrap the handler in loadAndSave of this manager, and pass contextOf(req)',
    )
  }

  /** `ctx` with a session of this manager. */
  contextWith(ctx: Context, data: SessionData): Context {
    return withValue(ctx, this.#key, data)
  }

  /**
   * A context that carries the session; at once where the store answers at once. Throws a TypeError
   * when `ctx` carries a session of another manager that has the same cookie name.
   */
  open(ctx: Context, tokens: string | readonly string[] | undefined): Awaitable<Context> {
    if (this.find(ctx)) return ctx
    const { name } = this.settings.cookie
    if (ctx.value(this.#cookieKey)) {
      throw new TypeError(
        `two session managers of one request have the cookie name '${name}', and would overwrite each other's cookie: give one of them another cookie.name`,
      )
    }
    return andThen(this.lifecycle.open(ctx, tokens), (data) =>
      this.contextWith(withValue(ctx, this.#cookieKey, true), data),
    )
  }

  /**
   * A call of the application. The response waits for it, so that a forgotten `await` loses
   * nothing.
   */
  call<T>(ctx: Context, call: (data: SessionData) => Awaitable<T>): Promise<T> {
    let data: SessionData | undefined
    let result: Promise<T>
    try {
      data = this.data(ctx)
      const answer = call(data)
      result = Promise.resolve(answer)
      if (!isThenable(answer)) return result
    } catch (error) {
      result = Promise.reject(error)
    }
    if (!data) return result
    data.calls ??= new PendingCalls((error) => this.settings.onError(error, ctx))
    if (data.headersLeft) data.calls.end()
    return data.calls.add(result, data.observer !== undefined || data.headers === 'sealed')
  }

  /** Commits the session and sets its cookie, as its status asks for, when no call is pending. */
  save(ctx: Context, to: NodeResponse | Headers): Awaitable<Committed | undefined> {
    const pending = this.#pendingCalls(ctx, false)
    return pending ? this.#saveAfter(pending, ctx, to) : this.#save(ctx, to)
  }

  async #saveAfter(pending: Promise<void>, ctx: Context, to: NodeResponse | Headers) {
    await pending
    return this.#save(ctx, to)
  }

  #save(ctx: Context, to: NodeResponse | Headers): Awaitable<Committed | undefined> {
    const data = this.data(ctx)
    const { status } = data
    data.calls?.check()
    data.headers = status === 'modified' ? 'sent with cookie' : 'sent'
    // Nobody was signed in under the new token: the handler's response would not be true.
    if (status === 'revoked' && data.renewed) throw revoked()
    if (status === 'destroyed') this.cookies.write(ctx, to, '')
    if (status !== 'modified') return undefined
    return andThen(this.lifecycle.commit(ctx, data), (committed) => {
      if (committed) this.cookies.write(ctx, to, committed.token, committed.expiry)
      return committed
    })
  }

  /** As {@link save}; when called again, as {@link saveLate}. After a failure it can be repeated. */
  async saveAgain(ctx: Context, to: NodeResponse | Headers): Promise<Committed | undefined> {
    const data = this.data(ctx)
    if (data.headersLeft) return this.saveLate(ctx)
    try {
      return await this.save(ctx, to)
    } catch (error) {
      data.headers = 'open'
      throw error
    }
  }

  /** Adds the session cookie to a response. */
  writeCookie(ctx: Context, to: NodeResponse | Headers, token: string, expiry?: Date): void {
    const { cookie, onError } = this.settings
    const isRemembered = () => this.data(ctx).get(rememberMeKey) === true
    const persistent = cookie.persist || (expiry !== undefined && isRemembered())
    const dropped = this.#cookieWriter.addTo(to, token, expiry, persistent, this.find(ctx))
    if (dropped) onError(dropped, ctx)
  }

  /** Whether {@link saveLate} has anything to do, or to wait for. */
  hasLateChanges(ctx: Context): boolean {
    const { calls, status, pending } = this.data(ctx)
    return (status === 'modified' && pending > 0) || calls?.isEmpty === false
  }

  /** Commits what was changed after the headers have left, when no call is pending. */
  async saveLate(ctx: Context): Promise<Committed | undefined> {
    // Errors of the calls are reported when they come.
    await this.#pendingCalls(ctx, true)
    const data = this.data(ctx)
    return data.status === 'modified' ? this.lifecycle.commitChanges(ctx, data) : undefined
  }

  #pendingCalls(ctx: Context, ignoresErrors: boolean): Promise<void> | undefined {
    const { calls } = this.data(ctx)
    if (!calls || calls.isEmpty) return undefined
    return calls.settled(new Timeout(this.settings.storeTimeout), ignoresErrors)
  }

  /**
   * Extends the session when that is due. From then on, changing it throws: the response cannot be
   * held for a commit.
   */
  seal(ctx: Context): Awaitable<unknown> {
    const data = this.data(ctx)
    // A touch is the one change that does not need the response.
    const touched = data.status === 'modified' ? this.lifecycle.commit(ctx, data) : undefined
    return andThen(touched, () => {
      data.headers = 'sealed'
    })
  }
}
