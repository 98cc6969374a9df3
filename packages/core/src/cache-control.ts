import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'

/** RFC 9111 section 5.2.2.4: a cache may not reuse the named field without asking first. What SCS sends. */
const cookieNotice = 'no-cache="Set-Cookie"'

/**
 * The Cache-Control lines of a response that carries a session cookie. Without lines of the handler's own, SCS's line
 * alone. Lines that would let a shared cache store the response (neither `private` nor `no-store`) become private, as
 * few caches heed the qualified `no-cache`: `public` and `s-maxage` go, `private` comes.
 */
export function cacheControlWithCookie(lines: readonly string[]): string[] {
  const directives = lines.map(directivesOf)
  const theirs = directives.flat().filter((directive) => directive !== cookieNotice)
  if (theirs.length === 0 || theirs.some(isPrivate)) return [...lines, cookieNotice]
  const kept = directives.map((line) => line.filter((directive) => !isShared(directive)))
  kept[0]?.unshift('private')
  return [...kept.filter((line) => line.length > 0).map((line) => line.join(', ')), cookieNotice]
}

/** Sets the Cache-Control lines of a response that carries a session cookie. */
export function keepPrivate(res: ServerResponse | Http2ServerResponse): void {
  const lines = res.getHeader('Cache-Control')
  res.setHeader(
    'Cache-Control',
    lines === undefined ? cookieNotice : cacheControlWithCookie([lines].flat().map(String)),
  )
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
