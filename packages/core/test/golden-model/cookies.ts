// Session cookies as Go reads and writes them, and as they are read and written here.

import type { CookieConfig } from '../golden-server/config.ts'
import { timeText } from '../golden-server/typed-values.ts'
import type { Dialect } from './dialect.ts'
import { isZero } from './session.ts'
import type { Instant } from './store.ts'
import { isToken } from './tokens.ts'

/** The value of the cookie `name` in Cookie lines: what SCS looks up. '' for none. */
export function readInGo(name: string, lines: readonly string[]): string {
  for (const part of lines.flatMap((line) => line.split(';'))) {
    const text = trimmed(part)
    if (text === '') continue
    const equals = text.indexOf('=')
    const found = trimmed(equals === -1 ? text : text.slice(0, equals))
    if (found !== name || !isName(found)) continue
    let value = equals === -1 ? '' : text.slice(equals + 1)
    if (value.length > 1 && value.startsWith('"') && value.endsWith('"')) value = value.slice(1, -1)
    if (/^[\x20\x21\x23-\x3a\x3c-\x5b\x5d-\x7e]*$/.test(value)) return value
  }
  return ''
}

/** The values of the cookies `name`, as they are read here. */
export function valuesHere(name: string, lines: readonly string[]): string[] {
  return lines
    .join('; ')
    .split(';')
    .map((text) => [text, text.indexOf('=')] as const)
    .filter(([text, equals]) => equals !== -1 && trimmed(text.slice(0, equals)) === name)
    .map(([text, equals]) => trimmed(text.slice(equals + 1)))
}

/** What is looked up here, one after another: the distinct tokens among them, at most four. */
export function candidates(name: string, lines: readonly string[]): string[] {
  return [...new Set(valuesHere(name, lines).filter(isToken))].slice(0, 4)
}

/** The Set-Cookie line of a session cookie, in placeholders; '' where Go writes none. */
export function sessionCookie(
  { name = 'session', path = '/', ...cookie }: CookieConfig,
  value: string,
  lifespan: readonly string[],
  dialect: Dialect,
): string {
  const isOurs = dialect.has('cookieWrite')
  if (!isOurs && !isName(name)) return ''
  const sameSite = { lax: 'Lax', strict: 'Strict', none: 'None' }[cookie.sameSite ?? 'lax']
  const domain = cookie.domain ?? ''
  const written = isOurs ? domain : isGoDomain(domain) ? domain.replace(/^\./, '') : ''
  return [
    `${name}=${isOurs ? encodedValue(value) : goValue(value)}`,
    path === '' ? '' : `Path=${isOurs ? path : path.replace(/[^\x20-\x3a\x3c-\x7e]/g, '')}`,
    written === '' ? '' : `Domain=${written}`,
    ...lifespan,
    cookie.httpOnly === false ? '' : 'HttpOnly',
    cookie.secure ? 'Secure' : '',
    sameSite ? `SameSite=${sameSite}` : '',
    cookie.partitioned ? 'Partitioned' : '',
  ]
    .filter((part) => part !== '')
    .join('; ')
}

/** Expires and Max-Age of a session cookie; `committed`: of an expiry that a commit of this step had. */
export function lifespan(
  expiry: Instant | undefined,
  persistent: boolean,
  committed: boolean,
  now: number,
  sent: number,
  dialect: Dialect,
): string[] {
  if (expiry === undefined || isZero(expiry)) {
    return ['Expires=Thu, 01 Jan 1970 00:00:01 GMT', 'Max-Age=0']
  }
  if (!persistent) return []
  const { ms } = expiry
  const left = (ms - now) / 1000
  const seconds = left < 0 ? Math.trunc(left + 1) : Math.ceil(left)
  const isNear = Math.abs(ms - sent) < nearMs
  const end = isNear ? nearText(ms, sent) : timeText(new Date(ms))
  const parts: string[] = []
  if (committed) parts.push(`Expires=<ceil ${end}>`)
  else if (isNear) parts.push(`Expires=<${nearText(sent + seconds * 1000, sent)}>`)
  else parts.push(`Expires=${new Date(Math.floor(ms / 1000) * 1000 + 1000).toUTCString()}`)
  if (!isNear && seconds > 0) {
    const capped = seconds > 9_223_372_036 && !dialect.has('trueMaxAge')
    parts.push(`Max-Age=${capped ? '9223372037' : '<until Expires>'}`)
  } else if (seconds !== 0) parts.push(`Max-Age=${Math.max(seconds, 0)}`)
  return parts
}

const nearMs = 400 * 86_400_000

/** The times of a text that lie within 400 days, as in a transcript: `<now+60s>`, to the half second. */
export function withNearTimes(text: string, sent: number): string {
  return text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g, (time) => {
    const ms = Date.parse(time)
    return Math.abs(ms - sent) < nearMs ? `<${nearText(ms, sent)}>` : time
  })
}

function nearText(ms: number, sent: number): string {
  const halves = Math.round((ms - sent) / 500) / 2
  return `now${halves < 0 ? '-' : '+'}${Math.abs(halves)}s`
}

/** As http.SetCookie writes a value: what the grammar does not allow is dropped. */
export function goValue(value: string): string {
  const allowed = value.replace(/[^\x20\x21\x23-\x3a\x3c-\x5b\x5d-\x7e]/g, '')
  return /[ ,]/.test(withoutTokens(allowed)) ? `"${allowed}"` : allowed
}

// As the cookie package: all or nothing is encoded. A placeholder stands for a token, which needs no encoding.
function encodedValue(value: string): string {
  const plain = withoutTokens(value)
  if (/^[\x21\x23\x24\x26-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/.test(plain)) return value
  return value
    .split(/(<[^<>]*>)/)
    .map((part, index) => (index % 2 === 0 ? encodeURIComponent(part) : part))
    .join('')
}

function withoutTokens(text: string): string {
  return text.replace(/<(?:(?:H:)*T\w+|tampered T\w+|swapcased? T\w+)>/g, '')
}

export function isName(name: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)
}

// net/http's validCookieDomain: a domain name with a letter in it, or an IPv4 address.
function isGoDomain(domain: string): boolean {
  if (domain === '' || domain.length > 255) return false
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(domain)) {
    return domain.split('.').every((part) => Number(part) < 256 && !/^0\d/.test(part))
  }
  const labels = domain.replace(/^\./, '').split('.')
  const isLabel = (label: string) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(label)
  return labels.every(isLabel) && /[a-z]/i.test(domain)
}

function trimmed(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}

/** Whether two Set-Cookie lines, on a request for `path`, are of one cookie: of one name, domain and path. */
export function isSameCookie(line: string, other: string, path: string): boolean {
  const [a, b] = [identityOf(line, path), identityOf(other, path)]
  return a.every((part, index) => part === b[index])
}

function identityOf(line: string, requestPath: string): string[] {
  const [pair = '', ...attributes] = line.split('; ')
  const value = (name: string) =>
    attributes.find((text) => text.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''
  // RFC 6265 section 5.1.4.
  const [whole = ''] = requestPath.split('?', 1)
  const path = value('Path') || whole.slice(0, whole.lastIndexOf('/')) || '/'
  return [pair.slice(0, pair.indexOf('=')), value('Domain').toLowerCase(), path]
}
