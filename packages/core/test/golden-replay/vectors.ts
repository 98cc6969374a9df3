import { readFileSync } from 'node:fs'
import type { CookieConfig } from '../golden-server/config.ts'

/** What SCS looks up for a request with these Cookie lines; `null`: nothing. */
export interface ReadVector {
  readonly name: string
  /** `null`: no Cookie header. */
  readonly lines: readonly string[] | null
  readonly token: string | null
}

/** What SCS's WriteSessionCookie adds to a response; `setCookie` is '' where Go drops the cookie. */
export interface WriteVector {
  readonly cookie: CookieConfig
  readonly token: string
  /** "zero", or RFC 3339. */
  readonly expiry: string
  readonly rememberMe?: boolean
  readonly setCookie: string
  readonly cacheControl: string
}

/** What HashTokenInStore files a token under. */
export interface HashVector {
  readonly token: string
  readonly hash: string
}

/** One of the files of golden/vectors. */
export function readVectors<T>(file: 'cookie-read' | 'cookie-write' | 'token-hash'): T[] {
  const url = new URL(`../golden/vectors/${file}.json`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8')) as T[]
}
