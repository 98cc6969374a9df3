/** A cookie jar by name alone: a Max-Age of zero or less deletes, nothing else ends a cookie. */
export class Jar {
  readonly #cookies = new Map<string, string>()

  /** One with the same cookies. */
  copy(): Jar {
    const copy = new Jar()
    for (const [name, value] of this.#cookies) copy.#cookies.set(name, value)
    return copy
  }

  /** The Cookie header, in the order of first setting; '' for none. */
  header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Takes in a Set-Cookie line. */
  take(line: string): void {
    const [pair = '', ...attributes] = line.split(';')
    const equals = pair.indexOf('=')
    const name = pair.slice(0, equals).trim()
    const age = attributes.map((text) => /^\s*max-age=(-?\d+)/i.exec(text)?.[1]).find(Boolean)
    if (age !== undefined && Number(age) <= 0) this.#cookies.delete(name)
    else this.#cookies.set(name, pair.slice(equals + 1).trim())
  }

  /** Every cookie by its name. */
  contents(): Record<string, string> {
    return Object.fromEntries(this.#cookies)
  }
}
