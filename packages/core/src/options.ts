import type { IncomingMessage, ServerResponse } from 'node:http'
import { checkOptions, type OptionNames } from './check-options.ts'
import type { Codec } from './codec.ts'
import type { Context } from './context.ts'
import {
  checkedCookie,
  cookieNames,
  type SessionCookie,
  type SessionCookieOptions,
} from './cookie.ts'
import { checkedDuration, hour, minute, second } from './duration.ts'
import { answerWithInternalServerError } from './error-response.ts'
import { guarded } from './guarded.ts'
import { JsonCodec } from './json-codec.ts'
import { kindOf } from './kind-of.ts'
import { MemoryStore } from './memory-store.ts'
import type { SessionStore } from './store.ts'

/** Options of a session manager. Durations are milliseconds; everything may be left out. They cannot be changed later. */
export interface SessionManagerOptions {
  /**
   * Milliseconds until a session ends, whatever is done with it; counted from when it began or was last renewed. At least 1.
   * @default 24 * hour
   */
  lifetime?: number | undefined
  /**
   * Milliseconds without a request after which a session ends; never later than `lifetime` says. 0: no idle timeout,
   * otherwise at least 1. A new value holds for sessions that are stored already, from their next request on.
   * @default none
   */
  idleTimeout?: number | undefined
  /**
   * Minimum time between two extensions of a session with an idle timeout, in milliseconds, so that reading does not write at
   * every request. A session may expire up to this much early. Must be less than `idleTimeout`, and needs one. 0: a write
   * at every request, as SCS; stores without atomic methods always do that. @default min(idleTimeout / 20, minute)
   */
  touchInterval?: number | undefined
  /** Where sessions live. @default new MemoryStore() */
  store?: SessionStore | undefined
  /** Turns sessions into bytes and back. @default new JsonCodec() */
  codec?: Codec | undefined
  /** The cookie's name and attributes. */
  cookie?: SessionCookieOptions | undefined
  /**
   * How many bytes a session may take in the store, as the codec writes it. Checked at each commit that changes it: a larger one
   * is a TypeError that names its largest key, and the stored session is then as it was. What is stored already is read,
   * extended and destroyed whatever its size. 0: no limit. @default 1_000_000
   */
  maxSize?: number | undefined
  /**
   * Files sessions under the SHA-256 of their token, so that who reads the store cannot use what is in it. Changing it
   * signs everybody out. @default false, as SCS
   */
  hashTokenInStore?: boolean | undefined
  /**
   * What to do with a row that cannot be decoded: `'fresh'` starts a new session and tells `onError`; the row stays
   * until `destroy` or `renewToken`. `'fail'` fails the request, as SCS. @default 'fresh'
   */
  unreadable?: 'fresh' | 'fail' | undefined
  /** Milliseconds to wait for the store, for each operation; then the request fails. 0: no limit. @default 30 * second */
  storeTimeout?: number | undefined
  /**
   * Answers a request that failed before its first byte: in loading, in the handler or in the commit. Answer through the
   * `res` that it is given, not through `req.res` or the handler's own: the handler may still be running, and its calls
   * take no effect any more. A promise that it returns is awaited. Without one, it may also answer in a callback, within
   * five seconds. A response that is then still open is ended, with a status of at least 500: return a promise when you
   * answer asynchronously, and end the response when you only log. When it throws or rejects, its error goes to `onError`,
   * and the answer is a plain 500. @default logs the error, and answers with a plain 500
   */
  errorFunc?: ((req: IncomingMessage, res: ServerResponse, error: unknown) => unknown) | undefined
  /**
   * Receives errors that cannot be reported in a response: unreadable rows, revoked sessions, late commits that failed,
   * extensions of a session that failed, rows that `iterate` skipped, cookies of the application that the session
   * cookie replaced. What it throws, or rejects with, is logged. @default console.error
   */
  onError?: ((error: unknown, ctx: Context) => void) | undefined
}

/** The options with their defaults, checked. */
export interface CheckedOptions {
  readonly lifetime: number
  readonly idleTimeout: number | undefined
  readonly touchInterval: number
  readonly store: SessionStore
  readonly codec: Codec
  readonly cookie: Readonly<SessionCookie>
  readonly maxSize: number
  readonly hashTokenInStore: boolean
  readonly unreadable: 'fresh' | 'fail'
  readonly storeTimeout: number
  readonly errorFunc: (req: IncomingMessage, res: ServerResponse, error: unknown) => unknown
  readonly onError: (error: unknown, ctx: Context) => void
}

/** The names of all options. */
export const optionNames: OptionNames<SessionManagerOptions> = {
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

// What users of express-session and its like write.
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

/** Throws a TypeError for what is no object of options, and for an option that does not exist. */
export function checkOptionNames(options: SessionManagerOptions): void {
  checkOptions('SessionManager', options, optionNames, hints)
}

/** Fills in the defaults. Throws a TypeError that names the first option that is invalid, or no option at all. */
export function checkedOptions(options: SessionManagerOptions): CheckedOptions {
  checkOptionNames(options)
  const lifetime = checkedDuration('lifetime', options.lifetime ?? 24 * hour)
  if (lifetime < 1) {
    throw new TypeError('lifetime must be at least 1 ms: otherwise no session is ever found again')
  }
  if (Date.now() + lifetime > endOfTime) {
    throw new TypeError('lifetime must end a session in the year 9999 at the latest')
  }
  const idleTimeout = checkedDuration('idleTimeout', options.idleTimeout ?? 0)
  if (idleTimeout > 0 && idleTimeout < 1) {
    throw new TypeError('idleTimeout must be 0 (none), or at least 1 ms')
  }
  const touchInterval = checkedDuration(
    'touchInterval',
    options.touchInterval ?? Math.min(idleTimeout / 20, minute),
  )
  if (touchInterval > 0 && touchInterval >= idleTimeout) {
    throw new TypeError(
      idleTimeout > 0
        ? 'touchInterval must be less than idleTimeout: nobody would be kept signed in'
        : 'touchInterval needs idleTimeout: without one, no session is ever extended',
    )
  }
  const { hashTokenInStore = false, unreadable = 'fresh' } = options
  if (typeof hashTokenInStore !== 'boolean') {
    throw new TypeError('hashTokenInStore must be true or false')
  }
  if (unreadable !== 'fresh' && unreadable !== 'fail') {
    throw new TypeError("unreadable must be 'fresh' or 'fail'")
  }
  return {
    lifetime,
    idleTimeout: options.idleTimeout,
    touchInterval,
    store: options.store === undefined ? new MemoryStore() : options.store,
    codec: options.codec === undefined ? new JsonCodec() : checkedCodec(options.codec),
    cookie: checkedCookie(options.cookie === undefined ? {} : options.cookie),
    maxSize: checkedSize(options.maxSize === undefined ? 1_000_000 : options.maxSize),
    hashTokenInStore,
    unreadable,
    storeTimeout: checkedDuration('storeTimeout', options.storeTimeout ?? 30 * second),
    errorFunc: checkedFunction('errorFunc', options.errorFunc ?? logAndAnswer),
    onError:
      options.onError === undefined ? log : guarded(checkedFunction('onError', options.onError)),
  }
}

function logAndAnswer(_req: IncomingMessage, res: ServerResponse, error: unknown): void {
  log(error)
  answerWithInternalServerError(res)
}

function log(error: unknown): void {
  console.error('scs:', error)
}

function checkedCodec(codec: Codec): Codec {
  if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function') {
    throw new TypeError('codec must have the methods encode and decode')
  }
  return codec
}

function checkedSize(maxSize: unknown): number {
  if (typeof maxSize === 'number' && Number.isSafeInteger(maxSize) && maxSize >= 0) return maxSize
  const given = typeof maxSize === 'number' ? maxSize : kindOf(maxSize)
  throw new TypeError(`maxSize must be a whole number of bytes, 0 for no limit; it is ${given}`)
}

function checkedFunction<F>(option: string, value: F): F {
  if (typeof value !== 'function') throw new TypeError(`${option} must be a function`)
  return value
}
