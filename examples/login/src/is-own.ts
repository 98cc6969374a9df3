import type { IncomingMessage } from 'node:http'

/**
 * Whether a request that changes something comes from a page of this server, or from no page at all: what a browser
 * says of the sender is true, and other programs have nobody's cookie to misuse.
 *
 * With `SameSite=Lax` another site's form comes without the session already. This also refuses forms of other origins
 * of the same site (a subdomain), and a sign-in that another site sends, to have its visitor use its own account.
 */
export function isOwn(req: IncomingMessage): boolean {
  if (req.method !== 'POST') return true
  const { origin, host, 'sec-fetch-site': site } = req.headers
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  // Over plain http browsers send Sec-Fetch-Site to localhost only.
  return origin === undefined || URL.parse(origin)?.host === host
}
