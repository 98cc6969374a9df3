import { isWellFormedToken } from '@scs/core'

/** Where sessions are filed: the prefix, and then the token. */
export class SessionKeys {
  readonly #prefix: string
  /** Whether the prefix has a hash tag (`{…}`): on a cluster, all keys are then in one slot. */
  readonly areTogether: boolean

  /** Throws a TypeError for a prefix that cannot be. */
  constructor(prefix: string) {
    if (typeof prefix !== 'string') throw new TypeError('prefix must be a string')
    this.#prefix = prefix
    this.areTogether = hasHashTag(prefix)
    if (!this.areTogether && /[{}]/.test(prefix)) {
      throw new TypeError('prefix may have braces only around a hash tag, as in "{sessions}:"')
    }
  }

  /** What SCAN is to look for. */
  get pattern(): string {
    return `${this.#prefix.replace(/[\\*?[\]]/g, '\\$&')}*`
  }

  /** The key of a session. */
  of(token: string): string {
    return this.#prefix + token
  }

  /**
   * Where it is noted, for a while, what became of the session under `token`: in the same slot as
   * its key.
   */
  departureOf(token: string): string {
    return `${this.#prefix}moved:${this.#tagged(token)}`
  }

  /**
   * Where it is noted, for a while, that the session under `token` has come to `newToken`: in the
   * slot of the latter.
   */
  arrivalOf(token: string, newToken: string): string {
    return `${this.#prefix}arrived:${this.#tagged(newToken)}:${token}`
  }

  /** The token of a session's key; `undefined` for other keys with the same prefix. */
  tokenOf(key: Buffer): string | undefined {
    const token = key.toString().slice(this.#prefix.length)
    return isWellFormedToken(token) ? token : undefined
  }

  #tagged(token: string): string {
    const key = this.of(token)
    return this.areTogether ? key : `{${key}}`
  }
}

// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags: what is
// between the first { and the first } after it, unless that is nothing.
function hasHashTag(prefix: string): boolean {
  const open = prefix.indexOf('{')
  return open >= 0 && prefix.indexOf('}', open + 1) > open + 1
}
