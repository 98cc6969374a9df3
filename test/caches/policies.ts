/** What a handler says of caching. */
export interface Policy {
  readonly name: string
  readonly headers: Readonly<Record<string, string | string[]>>
  /** Whether nginx caches the page when it carries no session cookie. */
  readonly cached: boolean
}

const cacheControl = (value: string | string[], cached = true): Policy => ({
  name: `Cache-Control: ${[value].flat().join(' | ')}`,
  headers: { 'Cache-Control': value },
  cached,
})

const tomorrow = new Date(Date.now() + 86_400_000).toUTCString()

export const policies: readonly Policy[] = [
  { name: 'nothing', headers: {}, cached: true },
  cacheControl('public, max-age=60'),
  cacheControl('max-age=60'),
  cacheControl('s-maxage=60'),
  cacheControl('public, max-age=31536000, immutable'),
  cacheControl('max-age=60, stale-while-revalidate=600, stale-if-error=600'),
  cacheControl('PUBLIC ,Max-Age=60'),
  cacheControl(['public', 'max-age=60']),
  cacheControl(['max-age=60', 'must-revalidate', 's-maxage=600']),
  cacheControl('private="X-Name", max-age=60', false),
  cacheControl('private, max-age=60', false),
  cacheControl('no-store', false),
  { name: 'Expires', headers: { Expires: tomorrow }, cached: true },
  {
    name: 'Expires and Cache-Control: public',
    headers: { Expires: tomorrow, 'Cache-Control': 'public' },
    cached: true,
  },
  { name: 'X-Accel-Expires: 60', headers: { 'X-Accel-Expires': '60' }, cached: true },
  {
    name: 'X-Accel-Expires: 60 and Cache-Control: private',
    headers: { 'X-Accel-Expires': '60', 'Cache-Control': 'private' },
    cached: true,
  },
  { name: 'X-Accel-Expires: 0', headers: { 'X-Accel-Expires': '0' }, cached: false },
]
