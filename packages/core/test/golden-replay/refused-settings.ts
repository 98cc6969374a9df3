// Configurations of SCS that are a TypeError here.

import type { Config, CookieConfig } from '../golden-server/config.ts'

/** Row "drops or sends invalid cookie settings silently", "TypeError at construction, naming the option". */
export const refusedSettings = 'invalid settings are refused'

/** The options of which one is named when a manager of this config is refused; empty when all are valid. */
export function invalidOptions(config: Config): string[] {
  return (config.managers ?? []).flatMap((manager) => [
    ...invalidCookieOptions(manager.cookie ?? {}),
    ...((manager.lifetimeMs ?? 1) < 1 ? ['lifetime'] : []),
    ...((manager.idleTimeoutMs ?? 0) < 0 ? ['idleTimeout'] : []),
  ])
}

/** The cookie options that browsers or grammars refuse. */
export function invalidCookieOptions(cookie: CookieConfig): string[] {
  const { name = 'session', domain = '', path = '/', secure = false } = cookie
  const invalid: string[] = []
  const isName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,1024}$/.test(name)
  if (!isName) invalid.push('cookie.name')
  if (domain !== '' && !isDomain(domain)) invalid.push('cookie.domain')
  const isPath = path === '' || /^\/[\x20-\x3a\x3c-\x7e]{0,1023}$/.test(path)
  if (!isPath) invalid.push('cookie.path')
  const prefix = /^__(host|secure|http|host-http)-/i.exec(name)?.[1]?.toLowerCase()
  if (prefix?.endsWith('http') && cookie.httpOnly === false) invalid.push('cookie.httpOnly')
  const wantsSecure = cookie.sameSite === 'none' || cookie.partitioned || prefix !== undefined
  if (wantsSecure && !secure) invalid.push('cookie.secure')
  if (prefix?.startsWith('host') && domain !== '') invalid.push('cookie.domain')
  if (prefix?.startsWith('host') && path !== '/') invalid.push('cookie.path')
  return invalid
}

function isDomain(domain: string): boolean {
  return domain
    .replace(/^\./, '')
    .split('.')
    .every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(label))
}
