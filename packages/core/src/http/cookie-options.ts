import { stringifySetCookie } from 'cookie'
import { checkOptions, type OptionNames } from '../util/checks.ts'

/** The session cookie's name and attributes. */
export interface SessionCookie {
  /**
   * An RFC 6265 token of at most 1,024 bytes. A name that begins with `__Host-` needs `secure`,
   * path `/` and no domain; one with `__Secure-` needs `secure`, and one with `__Http-` or
   * `__Host-Http-` also `httpOnly`. Two managers that serve one request need two names. @default
   * 'session'
   */
  name: string
  /** The hosts that are sent the cookie, with their subdomains. @default none: this host alone */
  domain?: string
  /**
   * The paths that are sent the cookie. Begins with `/`; `''` omits the attribute, which means the
   * path of the request. @default '/'
   */
  path?: string
  /** Keeps scripts from reading the cookie. OWASP: always. @default true */
  httpOnly: boolean
  /** Sends the cookie over HTTPS alone. Set it in production. @default false, as SCS */
  secure: boolean
  /**
   * When requests from other sites carry the cookie. `'none'` needs `secure`; `false` omits the
   * attribute.
   * @default 'lax'
   */
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

const defaults: { readonly [K in keyof Required<SessionCookie>]: SessionCookie[K] } = {
  name: 'session',
  domain: undefined,
  path: '/',
  httpOnly: true,
  secure: false,
  sameSite: 'lax',
  partitioned: false,
  priority: undefined,
  persist: true,
}

/** The names of all settings. */
export const cookieNames = Object.fromEntries(
  Object.keys(defaults).map((name) => [name, true]),
) as OptionNames<SessionCookieOptions>

const lifespanHint = 'the cookie lives as long as the session, so use lifetime'
const hints = {
  maxAge: lifespanHint,
  expires: lifespanHint,
  signed: 'tokens are random and nothing is signed, so leave it out',
}

// cookie-name = token (RFC 6265 section 4.1.1, RFC 9110 section 5.6.2). The cookie package allows
// more.
const nameGrammar = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
// RFC 6265bis section 5.6 limits attributes so; all three consist of ASCII.
const longest = 1024

/**
 * The settings with their defaults. Throws a TypeError for an option that browsers would refuse.
 */
export function checkedCookie(options: SessionCookieOptions): Readonly<SessionCookie> {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError('cookie must be an object of settings')
  }
  checkOptions('SessionManager', options, cookieNames, hints, 'cookie.')
  const settings = Object.entries(defaults).map(([name, value]) => {
    const given = options[name as keyof SessionCookie]
    // An optional attribute that is '' or false is left out.
    return [name, value === undefined ? given || undefined : (given ?? value)]
  })
  const cookie: SessionCookie = Object.fromEntries(settings)
  checkKinds(cookie)
  checkTexts(cookie)
  checkTogether(cookie)
  return Object.freeze(cookie)
}

function checkKinds(cookie: SessionCookie): void {
  for (const option of ['httpOnly', 'secure', 'partitioned', 'persist'] as const) {
    check(typeof cookie[option] === 'boolean', option, 'must be true or false')
  }
  const { sameSite, priority } = cookie
  const isSameSite = ['lax', 'strict', 'none', false].includes(sameSite)
  check(isSameSite, 'sameSite', "must be 'lax', 'strict', 'none' or false")
  const isPriority = [undefined, 'low', 'medium', 'high'].includes(priority)
  check(isPriority, 'priority', "must be 'low', 'medium' or 'high'")
}

function checkTexts({ name, domain = '', path = '' }: SessionCookie): void {
  const texts = Object.entries({ name, domain, path })
  for (const [option, text] of texts) check(typeof text === 'string', option, 'must be a string')
  check(nameGrammar.test(name), 'name', 'must be an RFC 6265 token')
  const tooLong = 'must be at most 1,024 bytes long: browsers ignore a longer one'
  for (const [option, text] of texts) check(text.length <= longest, option, tooLong)
  check(isSerializable({ domain }), 'domain', 'must be a domain name')
  check(isSerializable({ path }), 'path', 'must be a cookie path')
  const relative = "must begin with '/', or be '' for none: browsers ignore any other"
  check(path === '' || path.startsWith('/'), 'path', relative)
}

// What browsers refuse in combination.
function checkTogether(cookie: SessionCookie): void {
  const { name, domain, path, httpOnly, secure, sameSite, partitioned } = cookie
  const forPrefix = 'must be true: browsers refuse a name with this prefix without it'
  check(secure || !/^__(?:host|secure|http)-/i.test(name), 'secure', forPrefix)
  check(httpOnly || !/^__(?:host-)?http-/i.test(name), 'httpOnly', forPrefix)
  if (/^__host-/i.test(name)) {
    check(!domain, 'domain', 'must be left out: the name begins with __Host-')
    check(path === '/', 'path', "must be '/': the name begins with __Host-")
  }
  const forNone = "must be true: browsers refuse sameSite 'none' without it"
  check(secure || sameSite !== 'none', 'secure', forNone)
  const forPartitioned = 'must be true: browsers refuse a partitioned cookie without it'
  check(secure || !partitioned, 'secure', forPartitioned)
}

function check(isRight: boolean, option: string, problem: string): void {
  if (!isRight) throw new TypeError(`cookie.${option} ${problem}`)
}

// The cookie package checks the grammar, of one attribute at a time so that the error can name it.
function isSerializable(attribute: { domain: string } | { path: string }): boolean {
  try {
    stringifySetCookie({ name: 'x', value: '', ...attribute })
    return true
  } catch {
    return false
  }
}
