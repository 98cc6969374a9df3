import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Codec } from './codec/codec.ts'
import { JsonCodec } from './codec/json-codec.ts'
import type { Context } from './context.ts'
import { checkedDuration, hour, minute, second } from './duration.ts'
import {
  checkedCookie,
  cookieNames,
  type SessionCookie,
  type SessionCookieOptions,
} from './http/cookie-options.ts'
import { answerWithInternalServerError } from './http/error-response.ts'
import { MemoryStore } from './store/memory-store.ts'
import type { SessionStore } from './store/store.ts'
import { TypedValues } from './typed-values.ts'
import { checkOptions, isObject, kindOf, type OptionNames } from './util/checks.ts'
import { guarded } from './util/promises.ts'

/**
 * Options of a session manager. Durations are milliseconds; everything may be left out. They cannot
 * be changed later.
 */
export interface SessionManagerOptions {
  /**
   * Milliseconds until a session ends, whatever is done with it; counted from when it began or was
   * last renewed. At least 1.
   * @default 24 * hour
   */
  lifetime?: number | undefined
  /**
   * Milliseconds without a request after which a session ends; never later than `lifetime` says. 0:
   * no idle timeout, otherwise at least 1. A new value holds for sessions that are stored already,
   * from their next request on.
   * @default none
   */
  idleTimeout?: number | undefined
  /**
   * Minimum time between two extensions of a session with an idle timeout, in milliseconds, so that
   * a request that only reads does not always write. A session may expire up to this much early.
   * Must be less than `idleTimeout`, and needs one. 0: a write at every request, as SCS; stores
   * without atomic methods always do that. @default min(idleTimeout / 20, minute)
   */
  touchInterval?: number | undefined
  /** The store of the sessions. @default new MemoryStore() */
  store?: SessionStore | undefined
  /** Turns sessions into bytes and back. @default new JsonCodec() */
  codec?: Codec | undefined
  /** The cookie's name and attributes. */
  cookie?: SessionCookieOptions | undefined
  /**
   * How many bytes a session may take in the store, as the codec writes it. Checked at each commit
   * that changes it: a larger one is a TypeError that names its largest key, and the stored session
   * is then as it was. What is stored already is read, extended and destroyed whatever its size. 0:
   * no limit. @default 1_000_000
   */
  maxSize?: number | undefined
  /**
   * Files sessions under the SHA-256 of their token, so that nobody can sign in with what the store
   * holds. Changing it signs everybody out. @default false, as SCS
   */
  hashTokenInStore?: boolean | undefined
  /**
   * What to do with a row that cannot be decoded: `'fresh'` starts a new session and calls
   * `onError`; the row stays until `destroy` or `renewToken`. `'fail'` fails the request, as SCS.
   * @default 'fresh'
   */
  unreadable?: 'fresh' | 'fail' | undefined
  /**
   * Milliseconds to wait for the store, for each operation; then the request fails. 0: no limit.
   * @default 30 * second
   */
  storeTimeout?: number | undefined
  /**
   * Answers a request that failed before its first byte: in loading, in the handler or in the
   * commit. Answer through the `res` that it is given, not through `req.res` or the handler's own:
   * the handler may still be running, and its calls take no effect any more. A promise that it
   * returns is awaited. Without one, it may also answer in a callback, within five seconds. A
   * response that is then still open is ended, with a status of at least 500: return a promise when
   * you answer asynchronously, and end the response when you only log. When it throws or rejects,
   * its error goes to `onError`, and the answer is a plain 500. @default logs the error, and
   * answers with a plain 500
   */
  errorFunc?: ((req: IncomingMessage, res: ServerResponse, error: unknown) => unknown) | undefined
  /**
   * Receives errors that cannot be reported in a response: unreadable rows, revoked sessions, late
   * commits that failed, extensions of a session that failed, rows that `iterate` skipped, cookies
   * of the application that the session cookie replaced. What it throws, or rejects with, is
   * logged. @default console.error
   */
  onError?: ((error: unknown, ctx: Context) => void) | undefined
}

/** The options with their defaults, checked. */
export type CheckedOptions = {
  readonly [K in keyof SessionManagerOptions]-?: K extends 'cookie'
    ? Readonly<SessionCookie>
    : K extends 'idleTimeout'
      ? number | undefined
      : NonNullable<SessionManagerOptions[K]>
}

const optionNames: OptionNames<SessionManagerOptions> = {
  store: true,
  lifetime: true,
  idleTimeout: true,
  touchInterval: true,
  codec: true,
  cookie: true,
  maxSize: true,
  hashTokenInStore: true,
  unreadable: true,
  storeTimeout: true,
  errorFunc: true,
  onError: true,
}

// Options of express-session and similar libraries.
const hints: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.keys(cookieNames).map((name) => [name, `did you mean cookie.${name}?`]),
  ),
  secret: 'tokens are random and nothing is signed, so leave it out',
  resave: 'only what a request changed is saved, so leave it out',
  saveUninitialized: 'a session without data is never saved, so leave it out',
  rolling: 'use idleTimeout',
  maxAge: 'use lifetime',
  ttl: 'use lifetime',
}

const endOfTime = Date.UTC(9999, 11, 31)

/**
 * Fills in the defaults. Throws a TypeError that names the first option that is invalid or does not
 * exist.
 */
export function checkedOptions(options: SessionManagerOptions): CheckedOptions {
  checkOptions('SessionManager', options, optionNames, hints)
  const { codec = new JsonCodec(), cookie = {}, maxSize = 1_000_000, onError = log } = options
  const { hashTokenInStore = false, unreadable = 'fresh' } = options
  const lifetime = checkedDuration('lifetime', options.lifetime ?? 24 * hour)
  const idleTimeout = checkedDuration('idleTimeout', options.idleTimeout ?? 0)
  const defaultInterval = Math.min(idleTimeout / 20, minute)
  const touchInterval = checkedDuration('touchInterval', options.touchInterval ?? defaultInterval)
  const storeTimeout = checkedDuration('storeTimeout', options.storeTimeout ?? 30 * second)
  const errorFunc = options.errorFunc ?? logAndAnswer
  const endsInTime = Date.now() + lifetime <= endOfTime
  const isSize = Number.isSafeInteger(maxSize) && maxSize >= 0
  const isCodec = typeof codec?.encode === 'function' && typeof codec.decode === 'function'

  must(lifetime >= 1, 'lifetime must be at least 1 ms: otherwise no session is ever found again')
  must(endsInTime, 'lifetime must end a session in the year 9999 at the latest')
  must(idleTimeout === 0 || idleTimeout >= 1, 'idleTimeout must be 0 (none), or at least 1 ms')
  must(
    touchInterval === 0 || idleTimeout > 0,
    'touchInterval needs idleTimeout: without one, no session is ever extended',
  )
  must(
    touchInterval === 0 || touchInterval < idleTimeout,
    'touchInterval must be less than idleTimeout: nobody would be kept signed in',
  )
  must(typeof hashTokenInStore === 'boolean', 'hashTokenInStore must be true or false')
  must(unreadable === 'fresh' || unreadable === 'fail', "unreadable must be 'fresh' or 'fail'")
  must(isCodec, 'codec must have the methods encode and decode')
  must(
    isSize,
    `maxSize must be a whole number of bytes, 0 for no limit; it is ${typeof maxSize === 'number' ? maxSize : kindOf(maxSize)}`,
  )
  must(typeof errorFunc === 'function', 'errorFunc must be a function')
  must(typeof onError === 'function', 'onError must be a function')
  return {
    lifetime,
    idleTimeout: options.idleTimeout,
    touchInterval,
    store: options.store === undefined ? new MemoryStore() : options.store,
    codec,
    cookie: checkedCookie(cookie),
    maxSize,
    hashTokenInStore,
    unreadable,
    storeTimeout,
    errorFunc,
    onError: onError === log ? log : guarded(onError),
  }
}

function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new TypeError(message)
}

function logAndAnswer(_req: IncomingMessage, res: ServerResponse, error: unknown): void {
  log(error)
  answerWithInternalServerError(res)
}

function log(error: unknown): void {
  console.error('scs:', error)
}

/**
 * Options for production, stricter than SCS's defaults: the cookie is `__Host-session`, `secure`,
 * and ends with the browser (`persist: false`); `hashTokenInStore`; an idle timeout of 30 minutes
 * and a lifetime of 12 hours. Everything else keeps its default. docs/security.md says which
 * requirements of OWASP these meet.
 *
 * Options that `options` gives, or inherits, are taken, even when they are weaker; those that it
 * leaves out, or gives as `undefined` or `null`, are filled in. `options` is not changed. Throws a
 * TypeError when `options` is not an object of options, and for an option that does not exist;
 * `new SessionManager(hardened(options))` throws the TypeError that names an invalid option. A
 * `cookie.domain`, another `cookie.path`, or `secure: false` also needs a `cookie.name` without the
 * prefix `__Host-`.
 *
 * ```ts
 * const sessionManager = new SessionManager(hardened({ store, idleTimeout: 15 * minute }))
 * ```
 */
export function hardened(options: SessionManagerOptions = {}): SessionManagerOptions {
  checkOptions('SessionManager', options, optionNames, hints)
  const { cookie = {} } = options
  return {
    ...filledIn(options, optionNames, strictOptions),
    // The manager refuses what is not an object.
    cookie: isObject(cookie) ? filledIn(cookie, cookieNames, strictCookie) : cookie,
  }
}

const strictOptions = { lifetime: 12 * hour, idleTimeout: 30 * minute, hashTokenInStore: true }
const strictCookie = { name: '__Host-session', secure: true, persist: false }

// By name, as the manager reads them: an instance of a class may inherit its options. Unknown
// properties are kept, so that the manager refuses them.
function filledIn<T extends object>(given: T, names: OptionNames<T>, defaults: Partial<T>): T {
  const result = { ...given }
  for (const option of Object.keys(names) as (keyof T & string)[]) {
    const value = given[option] ?? defaults[option] ?? given[option]
    if (value !== undefined) result[option] = value
  }
  return result
}

/** The options, as properties. */
export interface ShownOptions<Values extends object> extends TypedValues<Values>, CheckedOptions {}

/**
 * What a session manager was configured with, defaults included. An assignment throws a TypeError
 * that names the option, also in code that is not strict, where a readonly property would ignore
 * it. Subclasses and tests may redefine them.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: a getter is defined for each option
export abstract class ShownOptions<Values extends object> extends TypedValues<Values> {
  readonly #options: CheckedOptions

  // On the prototype: properties of each instance with a setter would make it slow.
  static {
    for (const name of Object.keys(optionNames) as (keyof CheckedOptions)[]) {
      Object.defineProperty(ShownOptions.prototype, name, {
        configurable: true,
        enumerable: true,
        get(this: ShownOptions<object> | undefined) {
          if (this) return this.#options[name]
          // vi.spyOn calls a getter without its object.
          return function (this: ShownOptions<object>, ...args: unknown[]): unknown {
            return (this.#options[name] as (...args: unknown[]) => unknown)(...args)
          }
        },
        set() {
          throw unchangeable(name)
        },
      })
    }
  }

  constructor(options: CheckedOptions) {
    super()
    const cookie = new Proxy(options.cookie, {
      set(_settings, name) {
        throw unchangeable(`cookie.${String(name)}`)
      },
    })
    this.#options = { ...options, cookie }
  }
}

function unchangeable(name: string): TypeError {
  return new TypeError(`the option ${name} cannot be changed: give it to new SessionManager`)
}
