import { linesOf, type NodeResponse } from './response-head.ts'

/** What SCS sends: caches may not reuse the field without asking (RFC 9111 section 5.2.2.4). */
const cookieNotice = 'no-cache="Set-Cookie"'

/** The end of headers that some caches obey in place of Cache-Control (RFC 9213). */
const targetedCacheControl = '-cache-control'
/** Other such headers, without `private`: of Varnish and Fastly, of Akamai, of nginx. */
const otherTargeted: readonly string[] = ['surrogate-control', 'edge-control', 'x-accel-expires']

// `private="X-Field"` keeps only that field from shared caches, not the response.
const privateGrammar = /^(?:private|no-store)$/i
// To nginx 0 says what `no-store` says to the others.
const noStoreGrammar = /^(?:no-store|0)$/i

/**
 * The Cache-Control lines of a response with a session cookie, given those of the handler. Without
 * any, it is SCS's line alone, unless the handler has `allowed` caching by another header. Lines
 * that let a shared cache store the response become private, as few caches heed the qualified
 * `no-cache`: `public` and `s-maxage` are removed, `private` is added.
 */
export function cacheControlWithCookie(lines: readonly string[], allowed = false): string[] {
  if (lines.length === 0 && !allowed) return [cookieNotice]
  const directives = lines.map(directivesOf)
  const theirs = directives.flat().filter((directive) => directive !== cookieNotice)
  const isKept = theirs.some((directive) => privateGrammar.test(directive))
  if (isKept || (theirs.length === 0 && !allowed)) return [...lines, cookieNotice]
  const [first = [], ...others] = directives.map((line) => line.filter(isUnshared))
  const kept = [['private', ...first], ...others].filter((line) => line.length > 0)
  return [...kept.map((line) => line.join(', ')), cookieNotice]
}

/**
 * Keeps a response with a session cookie out of shared caches, whatever its handler says:
 * Cache-Control becomes {@link cacheControlWithCookie}. Headers that some caches obey in its place
 * are removed, unless they forbid storing too; such a header, or Expires, counts as permission to
 * cache.
 *
 * @param isAgain the head was kept private before, and may have been changed since
 */
export function keepPrivate(to: NodeResponse | Headers, isAgain = false): void {
  const allowed = dropTargeted(to)
  const lines = linesIn(to, 'cache-control')
  if (isAgain && lines.at(-1) === cookieNotice) lines.pop()
  const kept = cacheControlWithCookie(lines, allowed)
  if (!('setHeader' in to)) to.set('Cache-Control', kept.join(', '))
  // A single line as a string, as it was given to Node.
  else to.setHeader('Cache-Control', kept.length === 1 ? String(kept[0]) : kept)
}

// Gives whether the handler has allowed caching by a header other than Cache-Control.
function dropTargeted(to: NodeResponse | Headers): boolean {
  let allowed = false
  // In lower case.
  for (const name of 'getHeaderNames' in to ? to.getHeaderNames() : [...to.keys()]) {
    if (name === 'expires') allowed = true
    const forbidding = forbiddingIn(name)
    if (!forbidding) continue
    const directives = linesIn(to, name).flatMap(directivesOf)
    if (directives.some((directive) => forbidding.test(directive))) continue
    allowed = true
    if ('removeHeader' in to) to.removeHeader(name)
    else to.delete(name)
  }
  return allowed
}

// The directives by which a header that caches obey in place of Cache-Control forbids storing.
function forbiddingIn(name: string): RegExp | undefined {
  if (name.endsWith(targetedCacheControl)) return privateGrammar
  return otherTargeted.includes(name) ? noStoreGrammar : undefined
}

function linesIn(to: NodeResponse | Headers, name: string): string[] {
  if ('getHeader' in to) return linesOf(to, name)
  const line = to.get(name)
  return line === null ? [] : [line]
}

// cache-directive = token [ "=" ( token / quoted-string ) ] (RFC 9111 section 5.2)
function directivesOf(line: string): string[] {
  const parts = line.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g) ?? []
  return parts.map((part) => part.trim()).filter((part) => part !== '')
}

function isUnshared(directive: string): boolean {
  return !/^(?:public|s-maxage)(?:\s*=|$)/i.test(directive)
}
