/** The headers of a response of ours that leaves the session alone. */
export const plainHeaders: readonly (readonly [string, string])[] = [['Vary', 'Cookie']]

/** Those of one that has written the session, which now has that token. */
export function cookieHeaders(token: string): readonly (readonly [string, string])[] {
  return [
    ['Vary', 'Cookie'],
    [
      'Set-Cookie',
      `session=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400; Expires=Mon, 23 Nov 2026 10:00:00 GMT`,
    ],
    ['Cache-Control', 'no-cache="Set-Cookie"'],
  ]
}

/** Those of any response of a server that has no sessions. */
export function headersFor(url: string | undefined): readonly (readonly [string, string])[] {
  return url === '/untouched' || url === '/read' ? plainHeaders : ofNobody
}

const ofNobody = cookieHeaders('x'.repeat(43))
