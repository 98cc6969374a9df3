import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { type Awaitable, andThen, isThenable, orElse } from './awaitable.ts'
import {
  checkContext,
  checkFunction,
  checkHandler,
  checkHeaders,
  checkResponse,
} from './check-arguments.ts'
import { type Context, withValue } from './context.ts'
import { CookieWriter, type SessionCookie, sessionTokens } from './cookie.ts'
import { headersSent, revoked } from './errors.ts'
import { loadAndSave, type RequestListener } from './load-and-save.ts'
import { checkedOptions, type SessionManagerOptions } from './options.ts'
import { PendingCalls } from './pending-calls.ts'
import type { NodeResponse } from './response-head.ts'
import { SessionKey } from './session-context.ts'
import { type Committed, rememberMeKey, type SessionData, type Status } from './session-data.ts'
import { SessionLifecycle } from './session-lifecycle.ts'
import type { SessionValues } from './session-values.ts'
import type { Sessions } from './sessions.ts'
import { ShownOptions } from './shown-options.ts'
import { Timeout } from './timeout.ts'
import type { Key } from './typed-values.ts'

/**
 * Keeps the sessions of a server, as SCS's `SessionManager`. `Values` names the keys and the types of what is kept in
 * them; without it every key is there, and its value `unknown`.
 *
 * Its methods take the context of a request. One that carries no session of this manager is an error,
 * `ERR_SESSION_NOT_LOADED`: thrown, or the promise rejects.
 */
export class SessionManager<
  Values extends SessionValues<Values> = Record<string, unknown>,
> extends ShownOptions<Values> {
  readonly #lifecycle: SessionLifecycle
  readonly #cookie: Readonly<SessionCookie>
  readonly #cookieWriter: CookieWriter
  readonly #key: SessionKey
  readonly #sessions: Sessions
  readonly #storeTimeout: number

  /**
   * Throws a TypeError that names the option when one is invalid or does not exist, and when `store` is half a store. A
   * subclass that has options of its own does not pass them on.
   */
  constructor(options: SessionManagerOptions = {}) {
    const checked = checkedOptions(options)
    super(checked)
    this.#cookie = checked.cookie
    this.#key = new SessionKey(checked.cookie.name)
    this.#lifecycle = new SessionLifecycle(checked)
    this.#cookieWriter = new CookieWriter(checked.cookie)
    this.#storeTimeout = checked.storeTimeout
    this.#sessions = {
      // A subclass may find tokens elsewhere.
      sessionTokens: (headers) =>
        this.readSessionCookies === SessionManager.prototype.readSessionCookies
          ? sessionTokens(headers, checked.cookie.name)
          : this.readSessionCookies(headers),
      open: (ctx, tokens) => this.#open(ctx, tokens),
      save: (ctx, res) => this.#save(ctx, res),
      saveLate: (ctx) => this.#saveLate(ctx),
      seal: (ctx) => this.#seal(ctx),
      observe: (ctx, observer) => {
        this.#data(ctx).observer = observer
      },
      errorFunc: checked.errorFunc,
      onError: checked.onError,
    }
  }

  /**
   * Wraps a handler: its request's session is loaded before it runs, and committed before the first byte of the
   * response leaves, with the cookie. The handler finds the session by `contextOf(req)`. Most applications need nothing
   * else.
   *
   * When loading, the handler or the commit fails, `errorFunc` answers; once the headers have left, the connection is
   * cut. What a handler changes after the first byte is committed before the end of the response, unless the client
   * could not learn of it: then the change itself throws `ERR_SESSION_HEADERS_SENT`.
   */
  loadAndSave(next: (req: IncomingMessage, res: ServerResponse) => unknown): RequestListener
  loadAndSave(
    next: (req: Http2ServerRequest, res: Http2ServerResponse) => unknown,
  ): (req: Http2ServerRequest, res: Http2ServerResponse) => Promise<void> | undefined
  loadAndSave(
    next: ((req: IncomingMessage, res: ServerResponse) => unknown) &
      ((req: Http2ServerRequest, res: Http2ServerResponse) => unknown),
  ): RequestListener {
    checkHandler(next, this instanceof SessionManager)
    // The compatibility API of http2 has the same methods: the middleware does not tell the two apart.
    return loadAndSave(this.#sessions, next) as RequestListener
  }

  /**
   * The session tokens that a request's headers carry, for {@link load}: well-formed, distinct, in their order, at most four.
   * A browser sends several while a site moves its cookie to another domain or path.
   */
  readSessionCookies(headers: IncomingHttpHeaders | Headers): string[] {
    checkHeaders('readSessionCookies', headers)
    return [sessionTokens(headers, this.#cookie.name)].flat().filter(Boolean)
  }

  /**
   * A context that carries the session of `token`, for middleware of one's own; most applications only need {@link loadAndSave}.
   * Of several tokens, the first that has a live session counts; when none has, it is a new session. A context that
   * carries this manager's session is given back as it is.
   *
   * Rejects when the store fails or does not answer in time (`ERR_SESSION_STORE_TIMEOUT`), with the reason of `ctx.signal`
   * when the client has gone, with `unreadable: 'fail'` for data that cannot be decoded (`ERR_SESSION_UNREADABLE`), and
   * with a TypeError when `ctx` carries a session of another manager that has the same cookie name.
   */
  async load(ctx: Context, token: string | readonly string[] | undefined): Promise<Context> {
    checkContext('load', ctx)
    return this.#open(ctx, token)
  }

  /**
   * Writes the session to the store, for middleware of one's own; {@link loadAndSave} does it before the first byte.
   * Can be repeated; does not change the status, as in SCS. A session whose expiry alone is due is touched.
   *
   * `undefined` when the session has been revoked, and when a touch failed: write no cookie. `onError` receives either; after
   * a touch that failed, the next request tries again. Rejects when the store fails, and with a TypeError
   * that names the key when a value cannot be encoded, or the session is larger than `maxSize`; the stored session is then as
   * it was.
   */
  commit(ctx: Context): Promise<Committed | undefined> {
    return this.#call(ctx, (data) => {
      if (data.status !== 'revoked') data.requireReachable()
      return this.#lifecycle.commit(ctx, data)
    })
  }

  /**
   * Adds the session cookie to a response, for middleware of one's own, and keeps the response out of shared caches.
   * Without an expiry it is the cookie that deletes: pass '' as its token. A cookie outlives the browser when
   * `cookie.persist` is set, or `rememberMe` was called. Lines with its name, domain and path go.
   */
  writeSessionCookie(
    ctx: Context,
    to: NodeResponse | Headers,
    token: string,
    expiry: Date | undefined,
  ): void {
    checkResponse('writeSessionCookie', to)
    const persistent =
      this.#cookie.persist || (expiry !== undefined && this.#data(ctx).get(rememberMeKey) === true)
    const dropped = this.#cookieWriter.addTo(to, token, expiry, persistent, this.#key.find(ctx))
    if (dropped) this.#sessions.onError(dropped, ctx)
  }

  /**
   * What {@link loadAndSave} does before the first byte, for middleware of one's own: commits a modified session and adds
   * its cookie, or the one that deletes when it was destroyed. From then on, changes that the client could not learn of throw.
   * Called again, it commits what was changed since. Rejects as {@link commit}; after that, see docs/concurrency.md.
   */
  async commitAndWriteSessionCookie(
    ctx: Context,
    to: NodeResponse | Headers,
  ): Promise<Committed | undefined> {
    const data = this.#data(ctx)
    checkResponse('commitAndWriteSessionCookie', to)
    if (data.headersLeft) return this.#saveLate(ctx)
    return orElse(
      () => this.#save(ctx, to),
      (error) => {
        data.stay()
        throw error
      },
    )
  }

  /**
   * Deletes the session from the store, at once, with those of all other tokens that it was loaded with, and empties it: for a
   * logout. The response deletes the cookie. What is put afterwards begins another session. A request that renews the token of this session, overlaps and commits first keeps it
   * alive under the new token. Rejects when the store fails; the session is then as it was.
   */
  destroy(ctx: Context): Promise<void> {
    return this.#call(ctx, (data) => {
      const isLate = data.headersLeft
      return andThen(this.#lifecycle.destroy(ctx, data), () => {
        if (isLate) throw headersSent('the session is destroyed, but the client keeps its cookie')
      })
    })
  }

  /**
   * Gives the session a new token and a new deadline, and keeps its values: call it at every change of privilege, a
   * login above all, against session fixation
   * (https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html). The old token dies when the
   * session is committed under the new one, before the cookie leaves.
   *
   * Rejects with `ERR_SESSION_HEADERS_SENT` when the client can no longer be given the new token, and with
   * `ERR_SESSION_REVOKED` when the session was revoked meanwhile.
   */
  renewToken(ctx: Context): Promise<void> {
    return this.#call(ctx, (data) => {
      if (data.headersLeft) throw headersSent('the client cannot be given a new token')
      return this.#lifecycle.renew(data)
    })
  }

  /**
   * Takes the session of `token` into this one: its values win, the later deadline stays, and its row is deleted. For
   * somebody who signs in with an anonymous session, say. Nothing happens when there is no such session, or when it is
   * this one.
   *
   * Rejects when the store fails. On a store without atomic methods the values may then be in both, as in SCS.
   */
  mergeSession(ctx: Context, token: string | undefined): Promise<void> {
    return this.#call(ctx, (data) => this.#lifecycle.merge(ctx, data, token))
  }

  /**
   * Calls `fn` with a context for each live session of the store, one after another; an error of `fn` ends it. What
   * `fn` changes is written by `commit` or `destroy` within it, not by itself. For "sign out everywhere", say. Rows
   * that cannot be decoded are skipped, and `onError` hears of them. With hashed tokens, `token(ctx)` is ''. Timers and
   * other requests come through every 5 to 10 ms, unless `fn` itself, or a store that has only `all`, takes longer.
   *
   * Rejects with `ERR_SESSION_NOT_ITERABLE` when the store has neither `scan` nor `all`. Memory grows with the number of
   * sessions on a store that cannot `scan`.
   */
  async iterate(ctx: Context, fn: (ctx: Context) => unknown): Promise<void> {
    checkContext('iterate', ctx)
    checkFunction('iterate', fn)
    for await (const data of this.#lifecycle.all(ctx)) await fn(withValue(ctx, this.#key.own, data))
  }

  /**
   * Sets the value of `key`. It is kept by reference until the commit: a value that cannot be encoded is an error only
   * then. Throws `ERR_SESSION_HEADERS_SENT` for a new session whose cookie can no longer be sent, and for one that was
   * revoked, once the headers have left; a TypeError for the key `__write`, which is the manager's own.
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
   * Sets the value of `key` to what `fn` makes of the present one (`undefined` when there is none), and gives it back. When
   * another request has changed the session meanwhile, `fn` is called again, with the value that the other has written: a
   * counter never loses an increment.
   *
   * `fn` is pure: it may be called several times, of which the last counts. What it changes in the value it is given, or
   * elsewhere, may happen twice, or to a value that is not kept. When it throws at once, nothing is changed; when it throws
   * at a conflict, the commit rejects with its error, nothing is written, and this request still sees what it saw. On a
   * store without atomic methods it is called once, and the last writer wins.
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

  /** Removes every key; the token, the deadline and what `rememberMe` was told stay. An empty session stays unmodified. */
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

  /**
   * With `cookie.persist: false`, whether this session's cookie outlives the browser all the same. Without effect where
   * every cookie does.
   */
  rememberMe(ctx: Context, remember: boolean): void {
    this.#data(ctx).put(rememberMeKey, remember)
  }

  /** What has been done to the session in this request. A session whose expiry is due to be moved starts as `'modified'`. */
  status(ctx: Context): Status {
    return this.#data(ctx).status
  }

  /** The session token: a secret, not to be logged. '' until the first commit or renewal. */
  token(ctx: Context): string {
    return this.#data(ctx).token
  }

  /**
   * What the store files the session under, to find its row by: with `hashTokenInStore` the SHA-256 of the token, else the
   * token. '' before the first commit, and for a session that is gone. A renewal changes it when it is committed.
   */
  storeToken(ctx: Context): string {
    return this.#data(ctx).filedUnder
  }

  /** The absolute end of the session. */
  deadline(ctx: Context): Date {
    return new Date(this.#data(ctx).deadline)
  }

  /** Moves the absolute end of the session, both ways. Throws a TypeError for an invalid Date and one past the year 9999. */
  setDeadline(ctx: Context, deadline: Date): void {
    this.#data(ctx).setDeadline(deadline)
  }

  #data(ctx: Context): SessionData {
    return this.#key.dataOf(ctx)
  }

  #open(ctx: Context, tokens: string | readonly string[] | undefined): Awaitable<Context> {
    if (this.#key.isIn(ctx)) return ctx
    return andThen(this.#lifecycle.open(ctx, tokens), (data) => this.#key.add(ctx, data))
  }

  // A call of the application that the response waits for, so that a forgotten `await` loses nothing.
  #call<T>(ctx: Context, call: (data: SessionData) => Awaitable<T>): Promise<T> {
    let data: SessionData | undefined
    let result: Promise<T>
    try {
      data = this.#data(ctx)
      const answer = call(data)
      result = Promise.resolve(answer)
      if (!isThenable(answer)) return result
    } catch (error) {
      result = Promise.reject(error)
    }
    if (!data) return result
    data.calls ??= new PendingCalls((error) => this.#sessions.onError(error, ctx))
    if (data.headersLeft) data.calls.end()
    return data.calls.add(result, data.observer !== undefined)
  }

  #save(ctx: Context, to: NodeResponse | Headers): Awaitable<Committed | undefined> {
    const data = this.#data(ctx)
    const { calls } = data
    return calls && !calls.isEmpty
      ? this.#saveAfter(calls, ctx, data, to)
      : this.#saveNow(ctx, data, to)
  }

  async #saveAfter(
    calls: PendingCalls,
    ctx: Context,
    data: SessionData,
    to: NodeResponse | Headers,
  ): Promise<Committed | undefined> {
    const timeout = new Timeout(this.#storeTimeout)
    while (!calls.isEmpty) await timeout.wait(calls.settled(), 'the calls of this request')
    return this.#saveNow(ctx, data, to)
  }

  #saveNow(
    ctx: Context,
    data: SessionData,
    to: NodeResponse | Headers,
  ): Awaitable<Committed | undefined> {
    data.calls?.check()
    data.leave(data.status === 'modified')
    // Nobody was signed in under the new token: the handler's answer would not be true.
    if (data.status === 'revoked' && data.renewed) throw revoked()
    if (data.status === 'destroyed') this.writeSessionCookie(ctx, to, '', undefined)
    if (data.status !== 'modified') return undefined
    const done = (committed: Committed | undefined) => {
      if (committed) this.writeSessionCookie(ctx, to, committed.token, committed.expiry)
      return committed
    }
    const committed = this.#lifecycle.commit(ctx, data)
    return isThenable(committed) ? committed.then(done, (e) => data.giveUp(e)) : done(committed)
  }

  // A touch is the one change that does not need the response.
  #seal(ctx: Context): Awaitable<unknown> {
    const data = this.#data(ctx)
    const touched = data.status === 'modified' ? this.#lifecycle.commit(ctx, data) : undefined
    return andThen(touched, () => data.seal())
  }

  #saveLate(ctx: Context): Awaitable<Committed | undefined> {
    const data = this.#data(ctx)
    if (data.status !== 'modified' || data.pending === 0) return undefined
    return this.#lifecycle.commitChanges(ctx, data)
  }
}
