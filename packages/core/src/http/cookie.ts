import type { IncomingHttpHeaders } from 'node:http'
import { parseCookie, parseSetCookie, type SetCookie, stringifySetCookie } from 'cookie'
import { day } from '../duration.ts'
import { isWellFormedToken } from '../session/token.ts'
import { keepPrivate } from './cache-control.ts'
import type { SessionCookie } from './cookie-options.ts'
import { addLine, linesOf, type NodeResponse } from './response-head.ts'

/** How many cookies of one name are read: each may cost a store call. */
const mostTokens = 4

/**
 * The session tokens in the cookies `name` of a request, in their order: each once, at most four. A
 * string when there is one, or none (''): an array would cost every request memory. Never throws.
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
  let end = 0
  // Only these pairs are parsed: a client chooses how many other cookies it sends.
  for (let at = header.indexOf(name); at >= 0; at = header.indexOf(name, end)) {
    end = header.indexOf(';', at)
    if (end < 0) end = header.length
    const pair = header.slice(header.lastIndexOf(';', at) + 1, end)
    const value = parseCookie(pair, asSent)[name]
    if (!isWellFormedToken(value) || value === first || all?.includes(value)) continue
    if (first === '') first = value
    else if (all === undefined) all = [first, value]
    else if (all.push(value) === mostTokens) break
  }
  return all ?? first
}

// With percent escapes.
const asSent = { decode: (value: string) => value }

function isHeaders(value: object): value is Headers {
  return 'get' in value && typeof value.get === 'function'
}

/** The session that a cookie is of. */
export interface CookieOwner {
  /** Whether the response's headers have been sent, or are about to be. */
  readonly headersLeft: boolean
}

/** Makes the Set-Cookie lines of one cookie: what is always the same is made, and checked, once. */
export class CookieWriter {
  readonly #name: string
  readonly #attributes: string
  /** The last line of a session: before the headers are sent, another token may replace it. */
  readonly #early = new WeakMap<CookieOwner, string>()

  constructor({ persist: _, ...cookie }: SessionCookie) {
    this.#name = cookie.name
    const line = stringifySetCookie({ ...cookie, value: '' } as SetCookie)
    this.#attributes = line.slice(cookie.name.length + 1)
  }

  /** Adds the line for `token`. Gives an error when it replaced a line that is not of `session`. */
  addTo(
    to: NodeResponse | Headers,
    token: string,
    expiry: Date | undefined,
    persistent: boolean,
    session: CookieOwner | undefined,
  ): TypeError | undefined {
    const head = this.#head(token)
    const setCookie = head + lifespan(expiry, persistent)
    const own = session && this.#early.get(session)
    // Once the headers are about to be sent, no line with another token follows.
    if (session && !session.headersLeft) this.#early.set(session, setCookie)
    const dropped = addCookie(to, setCookie)
    if (dropped.length === 0 || areOwn(dropped, head, own)) return undefined
    // Never its value: it may be a token.
    const line = `a Set-Cookie line for '${this.#name}' that this session manager did not write`
    const same = 'with the domain and path of the session cookie'
    return new TypeError(`${line}, ${same}, was dropped: give that cookie another name`)
  }

  /**
   * The line for `token`; without an expiry, or at Go's zero time, the one that deletes the cookie.
   */
  line(token: string, expiry: Date | undefined, persistent: boolean): string {
    return this.#head(token) + lifespan(expiry, persistent)
  }

  // All but the lifespan: lines that have this in common are of one session.
  #head(token: string): string {
    const pair = isWellFormedToken(token)
      ? `${this.#name}=${token}`
      : stringifySetCookie({ name: this.#name, value: token })
    return pair + this.#attributes
  }
}

function areOwn(lines: readonly string[], head: string, own: string | undefined): boolean {
  return lines.every((line) => line === own || line === head || line.startsWith(`${head};`))
}

/**
 * Adds a Set-Cookie line in place of those of the same cookie, and keeps the response out of shared
 * caches. Lines with another domain or path are other cookies, and stay. Gives the lines that were
 * dropped.
 */
export function addCookie(to: NodeResponse | Headers, setCookie: string): readonly string[] {
  // Not every runtime has getSetCookie. Responses of Express have a `get`, too.
  const lines = 'setHeader' in to ? linesOf(to, 'Set-Cookie') : (to.getSetCookie?.() ?? [])
  const dropped = lines.length > 0 ? dropSame(to, lines, setCookie) : lines
  if (!('setHeader' in to)) to.append('Set-Cookie', setCookie)
  else if (lines.length > 0) addLine(to, 'Set-Cookie', setCookie)
  else to.setHeader('Set-Cookie', setCookie)
  keepPrivate(to)
  return dropped
}

function dropSame(
  to: NodeResponse | Headers,
  lines: readonly string[],
  setCookie: string,
): readonly string[] {
  const url = 'setHeader' in to ? urlOf(to.req) : undefined
  const identity = cookieIdentity(setCookie, url)
  const same = lines.filter((line) => cookieIdentity(line, url) === identity)
  if (same.length === 0) return same
  const others = lines.filter((line) => !same.includes(line))
  if ('setHeader' in to) to.setHeader('Set-Cookie', others)
  else {
    to.delete('Set-Cookie')
    for (const line of others) to.append('Set-Cookie', line)
  }
  return same
}

/**
 * Puts back those Set-Cookie lines that are missing, and keeps the response out of shared caches.
 */
export function putBack(res: NodeResponse, cookies: Iterable<string>): void {
  const present = linesOf(res, 'Set-Cookie')
  for (const line of cookies) if (!present.includes(line)) addLine(res, 'Set-Cookie', line)
  keepPrivate(res, true)
}

// Express changes `url` where an application is mounted.
function urlOf(req: { url?: string | undefined; originalUrl?: unknown } | undefined) {
  const url = req?.originalUrl ?? req?.url
  return typeof url === 'string' ? url : undefined
}

// What browsers tell cookies apart by (RFC 6265bis section 5.7).
function cookieIdentity(line: string, url: string | undefined): string {
  const { name, domain = '', path = '', partitioned = false } = parseSetCookie(line)
  return JSON.stringify([
    name,
    domain.toLowerCase().replace(/^\./, ''),
    path.startsWith('/') || url === undefined ? path : defaultPath(url),
    partitioned,
  ])
}

// RFC 6265 section 5.1.4.
function defaultPath(url: string): string {
  const [path = ''] = url.split(/[?#]/, 1)
  return path.startsWith('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '/'
}

/** Go's zero time, which SCS takes for "no expiry": a cookie that expires then is deleted. */
const zeroTime = -62135596800000
// Expires holds years 1601 to 9999 (RFC 6265 section 5.1.1).
const firstExpires = Date.UTC(1601, 0, 1)
const lastExpires = Date.UTC(9999, 11, 31, 23, 59, 59)

// SCS rounds both up, so that the cookie never ends before the session does.
function lifespan(expiry: Date | undefined, persistent: boolean): string {
  const time = expiry?.getTime() ?? zeroTime
  if (Number.isNaN(time)) throw new TypeError('the expiry of the session cookie is an invalid Date')
  if (time === zeroTime) return '; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:01 GMT'
  if (!persistent) return ''
  // In Go's nanoseconds some time has always passed: an idle timeout of 20 s is 20, not 21.
  const left = time - Date.now()
  const maxAge = left < 0 ? Math.trunc(left / 1000 + 1) : Math.ceil(left / 1000)
  const expires = Math.min(Math.floor(time / 1000) * 1000 + 1000, lastExpires)
  const age = maxAge === 0 ? '' : `; Max-Age=${Math.max(maxAge, 0)}`
  return expires < firstExpires ? age : `${age}; Expires=${httpDate(expires)}`
}

const twoDigits = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'))
const mostDays = 1000
const days = new Map<number, string>()

/**
 * `new Date(time).toUTCString()` of a whole second, five times faster: a day's text is made once.
 */
export function httpDate(time: number): string {
  const midnight = Math.floor(time / day) * day
  let text = days.get(midnight)
  if (text === undefined) {
    if (days.size === mostDays) days.clear()
    text = new Date(midnight).toUTCString().slice(0, -'00:00:00 GMT'.length)
    days.set(midnight, text)
  }
  const second = (time - midnight) / 1000
  const hours = twoDigits[Math.floor(second / 3600)]
  const minutes = twoDigits[Math.floor(second / 60) % 60]
  return `${text}${hours}:${minutes}:${twoDigits[second % 60]} GMT`
}
