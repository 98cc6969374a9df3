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
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) invalid.push('cookie.name')
  if (domain !== '' && !isDomain(domain)) invalid.push('cookie.domain')
  if (!/^[\x20-\x3a\x3c-\x7e]*$/.test(path)) invalid.push('cookie.path')
  const prefix = /^__(host|secure)-/i.exec(name)?.[1]?.toLowerCase()
  const wantsSecure = cookie.sameSite === 'none' || cookie.partitioned || prefix !== undefined
  if (wantsSecure && !secure) invalid.push('cookie.secure')
  if (prefix === 'host' && domain !== '') invalid.push('cookie.domain')
  if (prefix === 'host' && path !== '/') invalid.push('cookie.path')
  return invalid
}

function isDomain(domain: string): boolean {
  return domain
    .replace(/^\./, '')
    .split('.')
    .every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(label))
}
