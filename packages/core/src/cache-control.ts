import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'

/** RFC 9111 section 5.2.2.4: a cache may not reuse the named field without asking first. What SCS sends. */
const cookieNotice = 'no-cache="Set-Cookie"'

/**
 * Headers that some caches obey in place of Cache-Control: CDN-Cache-Control (RFC 9213) and its vendors' like, which
 * have the same directives …
 */
const targetedCacheControl = '-cache-control'
/** … those of Edge Side Includes (Varnish, Fastly) and Akamai, which know no `private`, and nginx's. */
const otherTargeted: readonly string[] = ['surrogate-control', 'edge-control', 'x-accel-expires']

/**
 * The Cache-Control lines of a response that carries a session cookie. Without lines of the handler's own, SCS's line
 * alone, unless the handler has `allowed` caching by another header. Lines that would let a shared cache store the
 * response (neither `private` nor `no-store`) become private, as few caches heed the qualified `no-cache`: `public` and
 * `s-maxage` go, `private` comes.
 */
export function cacheControlWithCookie(lines: readonly string[], allowed = false): string[] {
  if (lines.length === 0 && !allowed) return [cookieNotice]
  const directives = lines.map(directivesOf)
  const theirs = directives.flat().filter((directive) => directive !== cookieNotice)
  if (theirs.some(isPrivate) || (theirs.length === 0 && !allowed)) return [...lines, cookieNotice]
  const kept = directives.map((line) => line.filter((directive) => !isShared(directive)))
  const [first = [], ...others] = kept
  return [
    ...[['private', ...first], ...others]
      .filter((line) => line.length > 0)
      .map((line) => line.join(', ')),
    cookieNotice,
  ]
}

/**
 * Keeps a response that carries a session cookie out of shared caches, whatever its handler says: Cache-Control becomes
 * what {@link cacheControlWithCookie} makes of it. Headers that some caches obey in its place go, unless they forbid
 * storing too; such a header, or Expires, is taken for the handler's leave to cache.
 */
export function keepPrivate(to: Head): void {
  const allowed = dropTargeted(to)
  setCacheControl(to, cacheControlWithCookie(linesOf(to, 'cache-control'), allowed))
}

/** As {@link keepPrivate}, for a head that was kept private before, and may have been changed: nothing when it was not. */
export function stayPrivate(to: Head): void {
  const allowed = dropTargeted(to)
  const lines = linesOf(to, 'cache-control')
  const theirs = lines.filter((line) => line !== cookieNotice)
  const notices = lines.slice(theirs.length + 1).map(() => cookieNotice)
  setCacheControl(to, [...cacheControlWithCookie(theirs, allowed), ...notices])
}

type Head = ServerResponse | Http2ServerResponse | Headers

// Tells whether the handler has allowed caching by a header other than Cache-Control.
function dropTargeted(to: Head): boolean {
  let allowed = false
  for (const name of namesOf(to)) {
    if (name === 'expires') allowed = true
    else if (isTargeted(name) && allowsStoring(name, linesOf(to, name))) {
      allowed = true
      if ('removeHeader' in to) to.removeHeader(name)
      else to.delete(name)
    }
  }
  return allowed
}

function setCacheControl(to: Head, lines: readonly string[]): void {
  if (!('setHeader' in to)) to.set('Cache-Control', lines.join(', '))
  // A single line as a string, as it was given to Node.
  else to.setHeader('Cache-Control', lines.length === 1 ? String(lines[0]) : lines)
}

// In lower case.
function namesOf(to: Head): Iterable<string> {
  return 'getHeaderNames' in to ? to.getHeaderNames() : [...to.keys()]
}

function linesOf(to: Head, name: string): string[] {
  const value = 'getHeader' in to ? to.getHeader(name) : to.get(name)
  return value === undefined || value === null ? [] : [value].flat().map(String)
}

function isTargeted(name: string): boolean {
  return name.endsWith(targetedCacheControl) || otherTargeted.includes(name)
}

function allowsStoring(name: string, lines: readonly string[]): boolean {
  const directives = lines.flatMap(directivesOf)
  if (name.endsWith(targetedCacheControl)) return !directives.some(isPrivate)
  // To nginx 0 says what `no-store` says to the others.
  return !directives.some((directive) => /^(?:no-store|0)$/i.test(directive))
}

// cache-directive = token [ "=" ( token / quoted-string ) ], separated by commas (RFC 9111 section 5.2).
function directivesOf(line: string): string[] {
  const parts = line.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g) ?? []
  return parts.map((part) => part.trim()).filter((part) => part !== '')
}

// `private="X-Field"` keeps only that field from shared caches, not the response.
function isPrivate(directive: string): boolean {
  return /^(?:private|no-store)$/i.test(directive)
}

function isShared(directive: string): boolean {
  return /^(?:public|s-maxage)(?:\s*=|$)/i.test(directive)
}
