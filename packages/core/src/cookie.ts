import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { stringifySetCookie } from 'cookie'
import { keepPrivate } from './cache-control.ts'
import { checkOptions, type OptionNames } from './check-options.ts'
import { cookieValue, findCookie } from './cookie-header.ts'
import { cookieIdentity } from './cookie-identity.ts'
import { httpDate } from './date-text.ts'
import { none } from './few.ts'
import { addLine } from './response-head.ts'
import { isWellFormedToken } from './token.ts'

/** The session cookie's name and attributes. */
export interface SessionCookie {
  /**
   * An RFC 6265 token of at most 1,024 bytes. A name that begins with `__Host-` needs `secure`, path `/` and no domain; one
   * with `__Secure-` needs `secure`, and one with `__Http-` or `__Host-Http-` also `httpOnly`. Two managers that serve one
   * request need two names. @default 'session'
   */
  name: string
  /** The hosts that are sent the cookie, with their subdomains. @default none: this host alone */
  domain?: string
  /** The paths that are sent the cookie; begins with `/`, or `''` omits the attribute: the path of the request. @default '/' */
  path?: string
  /** Keeps scripts from reading the cookie. OWASP: always. @default true */
  httpOnly: boolean
  /** Sends the cookie over HTTPS alone. Set it in production. @default false, as SCS */
  secure: boolean
  /** When requests from other sites carry the cookie; `'none'` needs `secure`, `false` omits the attribute. @default 'lax' */
  sameSite: 'lax' | 'strict' | 'none' | false
  /** A jar for each top-level site (CHIPS); needs `secure`. @default false */
  partitioned: boolean
  /** What a full cookie jar drops first (Chromium). @default none */
  priority?: 'low' | 'medium' | 'high'
  /** Whether the cookie outlives the browser; without it, `rememberMe` decides. @default true */
  persist: boolean
}

/** {@link SessionCookie} as options: everything may be left out, or be `undefined`. */
export type SessionCookieOptions = {
  [K in keyof SessionCookie]?: SessionCookie[K] | undefined
}

/** The names of all settings. */
export const cookieNames: OptionNames<SessionCookieOptions> = {
  name: true,
  domain: true,
  path: true,
  httpOnly: true,
  secure: true,
  sameSite: true,
  partitioned: true,
  priority: true,
  persist: true,
}

const lifespanHint = 'the cookie lives as long as the session, so use lifetime'
const hints = {
  maxAge: lifespanHint,
  expires: lifespanHint,
  signed: 'tokens are random and nothing is signed, so leave it out',
}

/** Go's zero time, which SCS takes for "no expiry": a cookie that expires then is deleted. */
const zeroTime = -62135596800000
// cookie-name = token (RFC 6265 section 4.1.1, RFC 9110 section 5.6.2).
const nameGrammar = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
// RFC 6265bis section 5.6 limits attributes so; all three consist of ASCII.
const longest = 1024
// Expires holds years 1601 to 9999 (RFC 6265 section 5.1.1).
const firstExpires = Date.UTC(1601, 0, 1)
const lastExpires = Date.UTC(9999, 11, 31, 23, 59, 59)

/** The settings with their defaults. Throws a TypeError that names the option when browsers would refuse the cookie. */
export function checkedCookie(options: SessionCookieOptions): Readonly<SessionCookie> {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError('cookie must be an object of settings')
  }
  checkOptions('SessionManager', options, cookieNames, hints, 'cookie.')
  const cookie: SessionCookie = {
    name: options.name ?? 'session',
    path: options.path ?? '/',
    httpOnly: options.httpOnly ?? true,
    secure: options.secure ?? false,
    sameSite: options.sameSite ?? 'lax',
    partitioned: options.partitioned ?? false,
    persist: options.persist ?? true,
    ...defined('domain', options.domain),
    ...defined('priority', options.priority),
  }
  for (const option of ['httpOnly', 'secure', 'partitioned', 'persist'] as const) {
    if (typeof cookie[option] !== 'boolean') throw invalid(option, 'must be true or false')
  }
  if (!['lax', 'strict', 'none', false].includes(cookie.sameSite)) {
    throw invalid('sameSite', "must be 'lax', 'strict', 'none' or false")
  }
  if (![undefined, 'low', 'medium', 'high'].includes(cookie.priority)) {
    throw invalid('priority', "must be 'low', 'medium' or 'high'")
  }
  // The cookie package knows the grammars; each option is tried alone, so that the error can name it.
  for (const option of ['name', 'domain', 'path'] as const) {
    if (!['string', 'undefined'].includes(typeof cookie[option])) {
      throw invalid(option, 'must be a string')
    }
  }
  // Of names it lets more pass than servers and browsers do.
  if (!nameGrammar.test(cookie.name)) throw invalid('name', 'must be an RFC 6265 token')
  for (const option of ['name', 'domain', 'path'] as const) {
    if ((cookie[option]?.length ?? 0) > longest) {
      throw invalid(option, 'must be at most 1,024 bytes long: browsers ignore a longer one')
    }
  }
  refuseUnless('domain', 'a domain name', () =>
    stringifySetCookie({ name: 'x', value: '', ...defined('domain', cookie.domain) }),
  )
  refuseUnless('path', 'a cookie path', () =>
    stringifySetCookie({ name: 'x', value: '', ...defined('path', cookie.path) }),
  )
  if (cookie.path && !cookie.path.startsWith('/')) {
    throw invalid('path', "must begin with '/', or be '' for none: browsers ignore any other")
  }
  if (/^__(?:host|secure|http)-/i.test(cookie.name) && !cookie.secure) {
    throw invalid('secure', 'must be true: browsers refuse a name with this prefix without it')
  }
  if (/^__(?:host-)?http-/i.test(cookie.name) && !cookie.httpOnly) {
    throw invalid('httpOnly', 'must be true: browsers refuse a name with this prefix without it')
  }
  if (/^__host-/i.test(cookie.name)) {
    if (cookie.domain) throw invalid('domain', 'must be left out: the name begins with __Host-')
    if (cookie.path !== '/') throw invalid('path', "must be '/': the name begins with __Host-")
  }
  if (cookie.sameSite === 'none' && !cookie.secure) {
    throw invalid('secure', "must be true: browsers refuse sameSite 'none' without it")
  }
  if (cookie.partitioned && !cookie.secure) {
    throw invalid('secure', 'must be true: browsers refuse a partitioned cookie without it')
  }
  return Object.freeze(cookie)
}

/** How many cookies of one name may be session tokens: each may cost a store call. */
const mostTokens = 4

/**
 * The well-formed values of the cookies `name` in a request's headers, in their order: each once, at most four. A string
 * when there is one, or none (''): an array would cost every request memory. Never throws for what is no header.
 */
export function sessionTokens(
  headers: IncomingHttpHeaders | Headers | undefined,
  name: string,
): string | readonly string[] {
  if (typeof headers !== 'object' || headers === null) return ''
  const header: unknown = isHeaders(headers) ? headers.get('cookie') : headers.cookie
  if (typeof header !== 'string') return ''
  let first = ''
  let all: string[] | undefined
  for (let at = findCookie(header, name, 0); at >= 0; at = findCookie(header, name, at)) {
    const value = cookieValue(header, at)
    if (!isWellFormedToken(value) || value === first || all?.includes(value)) continue
    if (first === '') first = value
    else if (all === undefined) all = [first, value]
    else if (all.push(value) === mostTokens) break
  }
  return all ?? first
}

/** The session that a cookie is of. */
export interface CookieOwner {
  /** Whether the response's headers have left, or are about to. */
  readonly headersLeft: boolean
}

/** Makes the Set-Cookie lines of one cookie: what is always the same is made, and checked, once. */
export class CookieWriter {
  readonly #name: string
  readonly #attributes: string
  /** The last line of a session that was written before the headers leave: one with another token may replace it. */
  readonly #early = new WeakMap<CookieOwner, string>()

  constructor(cookie: SessionCookie) {
    this.#name = cookie.name
    const { path, persist: _, sameSite, ...rest } = cookie
    const line = stringifySetCookie({
      ...rest,
      value: '',
      ...defined('path', path),
      ...defined('sameSite', sameSite),
    })
    this.#attributes = line.slice(cookie.name.length + 1)
  }

  /**
   * Adds the line for `token` to a response. Gives an error that says so when a line was dropped that this has not written
   * for `session`.
   */
  addTo(
    to: ServerResponse | Http2ServerResponse | Headers,
    token: string,
    expiry: Date | undefined,
    persistent: boolean,
    session: CookieOwner | undefined,
  ): TypeError | undefined {
    const head = this.#head(token)
    const line = head + lifespan(expiry, persistent)
    const own = session && this.#early.get(session)
    // When the headers leave, no line with another token follows: the middleware's own cost nothing here.
    if (session && !session.headersLeft) this.#early.set(session, line)
    if (!addCookie(to, line, head, own)) return undefined
    // Never its value: it may be a token.
    return new TypeError(
      `a Set-Cookie line for '${this.#name}' that this session manager did not write, with the domain and path of the session cookie, was dropped: give that cookie another name`,
    )
  }

  /** The line for `token`; no expiry, or Go's zero time: the attributes that delete it. */
  line(token: string, expiry: Date | undefined, persistent: boolean): string {
    return this.#head(token) + lifespan(expiry, persistent)
  }

  // Everything but how long it lives.
  #head(token: string): string {
    const pair = isWellFormedToken(token)
      ? `${this.#name}=${token}`
      : stringifySetCookie({ name: this.#name, value: token })
    return pair + this.#attributes
  }
}

/**
 * Adds a Set-Cookie line in place of those of the same cookie, and keeps the response out of shared caches. Lines with
 * another domain or path stay: they are other cookies.
 *
 * @param head the line without its lifespan: one that differs in nothing else was written for the same session
 * @param own a line that was written for the same session before
 * @returns whether another line was dropped
 */
export function addCookie(
  to: ServerResponse | Http2ServerResponse | Headers,
  setCookie: string,
  head: string = setCookie,
  own?: string,
): boolean {
  const dropped = isResponse(to) ? addToResponse(to, setCookie) : addToHeaders(to, setCookie)
  keepPrivate(to)
  return dropped.length > 0 && hasForeign(dropped, head, own)
}

function hasForeign(lines: readonly string[], head: string, own: string | undefined): boolean {
  return lines.some((line) => line !== own && line !== head && !line.startsWith(`${head};`))
}

// Most responses have no line yet: looking for one is all that this costs them.
function addToResponse(
  res: ServerResponse | Http2ServerResponse,
  setCookie: string,
): readonly string[] {
  const value = res.getHeader('Set-Cookie')
  if (value !== undefined) return replaceInResponse(res, [value].flat().map(String), setCookie)
  res.setHeader('Set-Cookie', setCookie)
  return none
}

function replaceInResponse(
  res: ServerResponse | Http2ServerResponse,
  lines: readonly string[],
  setCookie: string,
): readonly string[] {
  const same = linesOfSame(lines, setCookie, urlOf(res.req))
  const kept = lines.filter((line) => !same.includes(line))
  if (kept.length === 0) res.removeHeader('Set-Cookie')
  else if (same.length > 0) res.setHeader('Set-Cookie', kept)
  addLine(res, 'Set-Cookie', setCookie)
  return same
}

function addToHeaders(headers: Headers, setCookie: string): readonly string[] {
  // Not every runtime can tell its lines apart.
  const lines = headers.getSetCookie?.() ?? none
  const same = linesOfSame(lines, setCookie, undefined)
  if (same.length > 0) {
    headers.delete('Set-Cookie')
    for (const line of lines) if (!same.includes(line)) headers.append('Set-Cookie', line)
  }
  headers.append('Set-Cookie', setCookie)
  return same
}

/** Those of `lines` that are of the same cookie as `setCookie`. */
function linesOfSame(
  lines: readonly string[],
  setCookie: string,
  url: string | undefined,
): readonly string[] {
  if (lines.length === 0) return none
  const identity = cookieIdentity(setCookie, url)
  return lines.filter((line) => cookieIdentity(line, url) === identity)
}

// Express changes `url` where an application is mounted.
function urlOf(req: { url?: string | undefined; originalUrl?: unknown } | undefined) {
  const url = req?.originalUrl ?? req?.url
  return typeof url === 'string' ? url : undefined
}

// Express gives its responses a `get`, as Headers have.
function isResponse(
  to: ServerResponse | Http2ServerResponse | Headers,
): to is ServerResponse | Http2ServerResponse {
  return 'setHeader' in to
}

// SCS rounds both up, so that the cookie never ends before the session does.
function lifespan(expiry: Date | undefined, persistent: boolean): string {
  const time = expiry?.getTime() ?? zeroTime
  if (Number.isNaN(time)) throw new TypeError('the expiry of the session cookie is an invalid Date')
  if (time === zeroTime) return '; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:01 GMT'
  if (!persistent) return ''
  // In Go's nanoseconds some time has always passed since an expiry was set: 20 s of idle timeout are 20, not 21.
  const left = time - Date.now()
  const maxAge = left < 0 ? Math.trunc(left / 1000 + 1) : Math.ceil(left / 1000)
  const expires = Math.min(Math.floor(time / 1000) * 1000 + 1000, lastExpires)
  const age = maxAge === 0 ? '' : `; Max-Age=${Math.max(maxAge, 0)}`
  return expires < firstExpires ? age : `${age}; Expires=${httpDate(expires)}`
}

function isHeaders(value: object): value is Headers {
  return 'get' in value && typeof value.get === 'function'
}

function refuseUnless(option: string, what: string, attempt: () => unknown): void {
  try {
    attempt()
  } catch {
    throw invalid(option, `must be ${what}`)
  }
}

// An attribute that is '', false or undefined is left out.
function defined<K extends string, V>(
  name: K,
  value: V,
): { [P in K]?: Exclude<V, '' | false | undefined> } {
  return value ? ({ [name]: value } as { [P in K]?: Exclude<V, '' | false | undefined> }) : {}
}

function invalid(option: string, problem: string): TypeError {
  return new TypeError(`cookie.${option} ${problem}`)
}
