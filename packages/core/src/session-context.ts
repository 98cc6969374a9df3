import { type Context, type ContextKey, contextKey } from './context.ts'
import { SessionError } from './errors.ts'
import type { SessionData } from './session-data.ts'

/** What one manager keeps the session of a request under. */
export class SessionKey {
  readonly #cookieName: string
  readonly own: ContextKey<SessionData> = contextKey('scs.session')
  /** Shared by all managers with this cookie name, also by those of another copy of this package. */
  readonly ofCookie: ContextKey<true>

  constructor(cookieName: string) {
    this.#cookieName = cookieName
    this.ofCookie = Symbol.for(`scs.session.${cookieName}`) as unknown as ContextKey<true>
  }

  /**
   * Whether `ctx` carries a session of this manager. Throws a TypeError when it carries one of another manager that has the
   * same cookie name: each would overwrite the cookie of the other.
   */
  isIn(ctx: Context): boolean {
    if (ctx.value(this.own)) return true
    if (!ctx.value(this.ofCookie)) return false
    throw new TypeError(
      `two session managers of one request have the cookie name '${this.#cookieName}', and would overwrite each other's cookie: give one of them another cookie.name`,
    )
  }

  /** The session of this manager that `ctx` carries, if any. */
  find(ctx: Context): SessionData | undefined {
    return typeof ctx?.value === 'function' ? ctx.value(this.own) : undefined
  }

  /** As {@link find}; throws `ERR_SESSION_NOT_LOADED` when there is none. */
  dataOf(ctx: Context): SessionData {
    const data = this.find(ctx)
    if (data) return data
    throw new SessionError(
      'ERR_SESSION_NOT_LOADED',
      'scs: no session data in context: wrap the handler in loadAndSave of this manager, and pass contextOf(req)',
    )
  }

  /** `ctx` with the session that was loaded for it. */
  add(ctx: Context, data: SessionData): Context {
    return new SessionContext(ctx, this, data)
  }
}

// As large as a context with one value: the name of the cookie costs nothing.
class SessionContext implements Context {
  readonly #parent: Context
  readonly #key: SessionKey
  readonly #data: SessionData

  constructor(parent: Context, key: SessionKey, data: SessionData) {
    this.#parent = parent
    this.#key = key
    this.#data = data
  }

  get signal(): AbortSignal | undefined {
    return this.#parent.signal
  }

  value<T>(key: ContextKey<T>): T | undefined {
    if ((this.#key.own as unknown) === key) return this.#data as T
    if ((this.#key.ofCookie as unknown) === key) return true as T
    return this.#parent.value(key)
  }
}
