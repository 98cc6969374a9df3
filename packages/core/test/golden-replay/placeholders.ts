import { hash, randomBytes } from 'node:crypto'

/** When what is compared happened. */
export interface Moment {
  /** Milliseconds since 1970 when the request was sent. */
  readonly sent: number
  /** When its answer was there. */
  readonly received: number
  /** How many seconds this replay has fallen behind the recording. */
  readonly lag: number
}

const placeholder = /<(?:(?:H:)*(?:T\w+|empty)|tampered T\w+|swapcased? T\w+|now[+-][\d.]+s)>/
const timePattern = String.raw`(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)`
const tokenPattern = '([A-Za-z0-9_-]{43})'

/**
 * What the placeholders of one transcript stand for. `<T1>` is bound to a token where it is first compared, and is that
 * token from then on; no two names stand for one token.
 */
export class Placeholders {
  readonly #tokens = new Map<string, string>()

  /** The text to send: `{{T1}}`, `{{hash T1}}`, `{{repeat abc 5}}` … filled in. */
  fill(text: string): string {
    return text.replace(/\{\{(.*?)\}\}/g, (_, inner: string) => {
      const [word = '', argument = '', count = ''] = inner.split(' ')
      if (word === 'repeat') return argument.repeat(Number(count))
      if (word === 'hash') return hashed(this.#token(argument))
      if (word === 'tamper') return tampered(this.#token(argument))
      if (word === 'swapcase') return swapcased(this.#token(argument))
      const ahead = /^now([+-]\d+)ms$/.exec(inner)
      if (ahead) return new Date(Date.now() + Number(ahead[1])).toISOString()
      return this.#token(inner)
    })
  }

  /** Whether `actual` is what `expected` says, placeholders in it; binds the tokens that are new. */
  matches(expected: string, actual: string, moment: Moment): boolean {
    if (!placeholder.test(expected)) return expected === actual
    const names: string[] = []
    const pattern = expected
      .split(new RegExp(`(${placeholder.source})`))
      .map((part, index) => (index % 2 === 0 ? escaped(part) : this.#pattern(part, names)))
      .join('')
    const match = new RegExp(`^${pattern}$`, 's').exec(actual)
    if (match === null) return false
    return names.every((name, index) => this.#accept(name, match[index + 1] ?? '', moment))
  }

  /** A copy of the bindings, for {@link restore}. */
  snapshot(): ReadonlyMap<string, string> {
    return new Map(this.#tokens)
  }

  /** Takes back what was bound since the snapshot. */
  restore(snapshot: ReadonlyMap<string, string>): void {
    this.#tokens.clear()
    for (const [name, token] of snapshot) this.#tokens.set(name, token)
  }

  #pattern(part: string, names: string[]): string {
    const inner = part.slice(1, -1)
    if (inner.startsWith('now')) {
      names.push(inner)
      return timePattern
    }
    const known = this.#value(inner)
    if (known !== undefined) return escaped(known)
    names.push(inner)
    return tokenPattern
  }

  #accept(name: string, found: string, moment: Moment): boolean {
    if (name.startsWith('now')) {
      const ahead = Number(name.slice(3, -1))
      return isAhead(Date.parse(found), ahead, moment)
    }
    const bound = this.#tokens.get(name)
    if (bound !== undefined) return bound === found
    if ([...this.#tokens.values()].includes(found)) return false
    this.#tokens.set(name, found)
    return true
  }

  #value(inner: string): string | undefined {
    if (inner === 'H:empty') return hashed('')
    if (inner.startsWith('H:')) {
      const value = this.#value(inner.slice(2))
      return value === undefined ? undefined : hashed(value)
    }
    const [word = '', name] = inner.split(' ')
    if (name === undefined) return this.#tokens.get(word)
    const token = this.#tokens.get(name)
    if (token === undefined) return undefined
    return word === 'tampered' ? tampered(token) : swapcased(token)
  }

  #token(name: string): string {
    const token = this.#tokens.get(name)
    if (token !== undefined) return token
    // A token that SCS made and this package did not: one that nobody knows.
    const unknown = randomBytes(32).toString('base64url')
    this.#tokens.set(name, unknown)
    return unknown
  }
}

/**
 * Whether a time lies `ahead` seconds after the request. The recording rounds to half seconds; a deadline that the request
 * set is as much later as the server took, and one of an earlier step as much nearer as this replay has fallen behind.
 */
export function isAhead(time: number, ahead: number, { sent, received, lag }: Moment): boolean {
  const difference = (time - sent) / 1000 - ahead
  return difference <= 0.5 + (received - sent) / 1000 && difference >= -0.5 - lag
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

function hashed(token: string): string {
  return hash('sha256', token, 'base64url')
}

function tampered(token: string): string {
  return (token.startsWith('A') ? 'B' : 'A') + token.slice(1)
}

function swapcased(token: string): string {
  return token.replace(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  )
}
