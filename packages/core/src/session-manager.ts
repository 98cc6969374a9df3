import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Context } from './context.ts'
import { headersSent } from './errors.ts'
import { sessionTokens } from './http/cookie.ts'
import { loadAndSave, type RequestListener } from './http/load-and-save.ts'
import { ManagedSessions } from './http/managed-sessions.ts'
import type { Handler } from './http/request-session.ts'
import type { NodeResponse } from './http/response-head.ts'
import { checkedOptions, type SessionManagerOptions, ShownOptions } from './options.ts'
import {
  type Committed,
  rememberMeKey,
  type SessionData,
  type Status,
} from './session/session-data.ts'
import type { SessionValues } from './session/session-values.ts'

import type { Key } from './typed-values.ts'
import {
  checkContext,
  checkFunction,
  checkHandler,
  checkHeaders,
  checkResponse,
} from './util/checks.ts'
import { andThen } from './util/promises.ts'

/**
 * Keeps the sessions of a server, as SCS's `SessionManager`. `Values` has the types of values by
 * key; without it, every key is allowed. Methods take the context of a request. If it has no
 * session of this manager, they throw or reject with `ERR_SESSION_NOT_LOADED`.
 */
export class SessionManager<
  Values extends SessionValues<Values> = Record<string, unknown>,
> extends ShownOptions<Values> {
  readonly #sessions: ManagedSessions

  /**
   * Throws a TypeError that names the option when one is invalid or does not exist, and when
   * `store` lacks a required method. A subclass with further options must not pass them on.
   */
  constructor(options: SessionManagerOptions = {}) {
    const checked = checkedOptions(options)
    super(checked)
    this.#sessions = new ManagedSessions(checked, {
      // An array would cost every request memory.
      read: (headers) =>
        this.readSessionCookies === SessionManager.prototype.readSessionCookies
          ? sessionTokens(headers, checked.cookie.name)
          : this.readSessionCookies(headers),
      write: (ctx, to, token, expiry) => this.writeSessionCookie(ctx, to, token, expiry),
    })
  }

  /**
   * Wraps a handler: loads the session of each request before it runs, and commits it, with the
   * cookie, before the first byte of the response. The handler finds it by `contextOf(req)`.
   *
   * When loading, the handler or the commit fails, `errorFunc` answers. After the first byte the
   * connection is cut. Changes after the first byte are committed before the end of the response. A
   * change that needs a cookie throws `ERR_SESSION_HEADERS_SENT` then.
   */
  loadAndSave(next: (req: IncomingMessage, res: ServerResponse) => unknown): RequestListener
  loadAndSave(
    next: (req: Http2ServerRequest, res: Http2ServerResponse) => unknown,
  ): (req: Http2ServerRequest, res: Http2ServerResponse) => Promise<void> | undefined
  loadAndSave(next: (req: never, res: never) => unknown): RequestListener {
    checkHandler(next, this instanceof SessionManager)
    // The compatibility API of http2 has the same methods.
    return loadAndSave(this.#sessions, next as Handler) as RequestListener
  }

  /**
   * The session tokens in a request's headers, for {@link load}: well-formed, distinct, in order
   * and at most four. A browser sends several while a site moves its cookie to another path.
   */
  readSessionCookies(headers: IncomingHttpHeaders | Headers): string[] {
    checkHeaders('readSessionCookies', headers)
    return [sessionTokens(headers, this.#sessions.settings.cookie.name)].flat().filter(Boolean)
  }

  /**
   * A context with the session of `token`, for your own middleware. Of several tokens, the first
   * with a live session counts. Without one, it is a new session. A context that already has a
   * session of this manager is returned unchanged.
   *
   * Rejects when the store fails or does not answer in time (`ERR_SESSION_STORE_TIMEOUT`), with the
   * reason of `ctx.signal` when the client disconnects, with `ERR_SESSION_UNREADABLE` if the option
   * `unreadable` is `'fail'`, and with a TypeError when `ctx` has a session of another manager with
   * the same cookie name.
   */
  async load(ctx: Context, token: string | readonly string[] | undefined): Promise<Context> {
    checkContext('load', ctx)
    return this.#sessions.open(ctx, token)
  }

  /**
   * Writes the session to the store, for your own middleware. Can be repeated. Does not change the
   * status, as in SCS. If only the expiry is due to be moved, the session is touched.
   *
   * `undefined` for a revoked session and for a touch that failed, which `onError` receives: write
   * no cookie. Rejects when the store fails (see docs/concurrency.md), and with a TypeError that
   * names the key when a value cannot be encoded or the session is larger than `maxSize`.
   */
  commit(ctx: Context): Promise<Committed | undefined> {
    return this.#sessions.call(ctx, (data) => {
      if (data.status !== 'revoked') data.requireReachable()
      return this.#sessions.lifecycle.commit(ctx, data)
    })
  }

  /**
   * Adds the session cookie to a response, for your own middleware, and keeps the response out of
   * shared caches. Without an expiry it deletes the cookie: pass '' as the token. The cookie
   * outlives the browser when `cookie.persist` is set or `rememberMe` was called. Replaces lines
   * with the same name, domain and path.
   */
  writeSessionCookie(
    ctx: Context,
    to: NodeResponse | Headers,
    token: string,
    expiry: Date | undefined,
  ): void {
    checkResponse('writeSessionCookie', to)
    this.#sessions.writeCookie(ctx, to, token, expiry)
  }

  /**
   * What {@link loadAndSave} does before the first byte, for your own middleware: commits a
   * modified session and adds its cookie; for a destroyed session, deletes the cookie. Changes that
   * need a cookie throw from then on. Called again, it commits later changes. Rejects as
   * {@link commit}.
   */
  async commitAndWriteSessionCookie(
    ctx: Context,
    to: NodeResponse | Headers,
  ): Promise<Committed | undefined> {
    this.#data(ctx)
    checkResponse('commitAndWriteSessionCookie', to)
    return this.#sessions.saveAgain(ctx, to)
  }

  /**
   * Deletes the session from the store, at once, with the rows of all tokens that the request sent,
   * and empties it: for a logout. The response deletes the cookie. A later `put` begins another
   * session. A request that renews the token and commits first keeps the session alive under the
   * new token. Rejects when the store fails. The session is then unchanged.
   */
  destroy(ctx: Context): Promise<void> {
    return this.#sessions.call(ctx, (data) => {
      const isLate = data.headersLeft
      return andThen(this.#sessions.lifecycle.destroy(ctx, data), () => {
        if (isLate) throw headersSent('the session is destroyed, but the client keeps its cookie')
      })
    })
  }

  /**
   * Gives the session a new token and a new deadline, and keeps its values. Call it at every change
   * of privilege, above all after sign-in, against session fixation
   * (https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html). The old
   * token is dead once the session is committed, before the cookie is sent.
   * Rejects with `ERR_SESSION_HEADERS_SENT` after the first byte, and with `ERR_SESSION_REVOKED`.
   */
  renewToken(ctx: Context): Promise<void> {
    return this.#sessions.call(ctx, (data) => {
      if (data.headersLeft) throw headersSent('the client cannot be given a new token')
      return this.#sessions.lifecycle.renew(data)
    })
  }

  /**
   * Merges the session of `token` into this one, for example an anonymous session at sign-in. Its
   * values win, the later deadline stays, and its row is deleted. Does nothing without such a
   * session, or for this one. Rejects when the store fails. On a store without atomic methods the
   * values may then be in both sessions, as in SCS.
   */
  mergeSession(ctx: Context, token: string | undefined): Promise<void> {
    return this.#sessions.call(ctx, (data) => this.#sessions.lifecycle.merge(ctx, data, token))
  }

  /**
   * Calls `fn` with a context for each live session, one after another, for example to sign a user
   * out everywhere. An error of `fn` ends it. Changes are written only if `fn` calls `commit` or
   * `destroy`. `onError` receives rows that cannot be decoded. With hashed tokens, `token(ctx)` is
   * ''. Other requests run every 5 to 10 ms, unless `fn` or a store without `scan` takes longer.
   *
   * Rejects with `ERR_SESSION_NOT_ITERABLE` when the store has none of `scan`, `allCtx` and `all`.
   */
  async iterate(ctx: Context, fn: (ctx: Context) => unknown): Promise<void> {
    checkContext('iterate', ctx)
    checkFunction('iterate', fn)
    for await (const data of this.#sessions.lifecycle.all(ctx))
      await fn(this.#sessions.contextWith(ctx, data))
  }

  /**
   * Sets the value of `key`, by reference: a value that cannot be encoded is an error of the
   * commit. Throws a TypeError for the reserved key `__write`. After the first byte, throws
   * `ERR_SESSION_HEADERS_SENT` for a revoked session, and for a new one without a cookie.
   */
  put<K extends Key<Values>>(ctx: Context, key: K, value: Values[K]): void {
    this.#data(ctx).put(key, value)
  }

  override get<K extends Key<Values>>(ctx: Context, key: K): Values[K] | undefined {
    return this.#data(ctx).get(key) as Values[K] | undefined
  }

  override pop<K extends Key<Values>>(ctx: Context, key: K): Values[K] | undefined {
    return this.#data(ctx).pop(key) as Values[K] | undefined
  }

  /**
   * Sets the value of `key` to the result of `fn`, which receives the present value (`undefined`
   * when there is none), and returns it. After a conflict `fn` is called again with the stored
   * value: a counter never loses an increment.
   *
   * `fn` must be pure: it may be called several times, and the last call counts. If it throws at
   * once, nothing is changed. If it throws after a conflict, the commit rejects with its error and
   * writes nothing. On a store without atomic methods it is called once, and the last writer wins.
   */
  update<K extends Key<Values>>(
    ctx: Context,
    key: K,
    fn: (current: Values[K] | undefined) => Values[K],
  ): Values[K] {
    checkFunction('update', fn)
    const change = (current: unknown) => fn(current as Values[K] | undefined)
    return this.#data(ctx).update(key, change) as Values[K]
  }

  /** Removes the key; a session without it stays unmodified. */
  remove(ctx: Context, key: Key<Values>): void {
    this.#data(ctx).remove(key)
  }

  /**
   * Removes every key; keeps the token, the deadline and `rememberMe`. No change when it is empty.
   */
  clear(ctx: Context): void {
    this.#data(ctx).clear()
  }

  /** Whether the key is there, whatever its value. */
  exists(ctx: Context, key: Key<Values>): boolean {
    return this.#data(ctx).values.has(key)
  }

  /** The keys, sorted by their UTF-8 bytes; empty when there is none. */
  keys(ctx: Context): Key<Values>[] {
    return this.#data(ctx).keys() as Key<Values>[]
  }

  /** With `cookie.persist: false`, whether the cookie of this session outlives the browser. */
  rememberMe(ctx: Context, remember: boolean): void {
    this.#data(ctx).put(rememberMeKey, remember)
  }

  /**
   * What this request has done to the session. `'modified'` from the start if its expiry must move.
   */
  status(ctx: Context): Status {
    return this.#data(ctx).status
  }

  /**
   * The session token: a secret, not to be logged. '' before the first commit, or when it failed.
   */
  token(ctx: Context): string {
    return this.#data(ctx).token
  }

  /**
   * What the store files the session under: the token, or its SHA-256 with `hashTokenInStore`. ''
   * before the first commit, and for a session that is gone. A renewal changes it at the commit.
   */
  storeToken(ctx: Context): string {
    const { status, stored } = this.#data(ctx)
    return status === 'revoked' || !stored ? '' : stored.storeToken
  }

  /** The absolute end of the session. */
  deadline(ctx: Context): Date {
    return new Date(this.#data(ctx).deadline)
  }

  /**
   * Moves the absolute end, both ways. Throws a TypeError for an invalid Date, or after the year
   * 9999.
   */
  setDeadline(ctx: Context, deadline: Date): void {
    this.#data(ctx).setDeadline(deadline)
  }

  #data(ctx: Context): SessionData {
    return this.#sessions.data(ctx)
  }
}
