interface StoredCookie {
  readonly value: string
  /** Whether it is kept when the browser is closed. */
  readonly persistent: boolean
}

/** A client with a cookie jar, for one server. It follows redirects, as browsers do after a form. */
export class Browser {
  readonly #url: string
  readonly #userAgent: string | undefined
  readonly #jar = new Map<string, StoredCookie>()

  /** `userAgent` is what it calls itself. */
  constructor(url: string, userAgent?: string) {
    this.#url = url
    this.#userAgent = userAgent
  }

  /** The body of a page. */
  async get(path: string): Promise<string> {
    return (await this.request('GET', path)).text()
  }

  /** Sends a form; the body of the page that it leads to. */
  async post(path: string, fields: Readonly<Record<string, string>> = {}): Promise<string> {
    return (await this.request('POST', path, new URLSearchParams(fields))).text()
  }

  /** The response, after redirects. */
  async request(method: string, path: string, body?: URLSearchParams): Promise<Response> {
    const response = await fetch(this.#url + path, {
      method,
      headers: this.headers(),
      redirect: 'manual',
      ...(body && { body }),
    })
    for (const line of response.headers.getSetCookie()) this.#store(line)
    const location = response.headers.get('location')
    return location === null ? response : this.request('GET', location)
  }

  /** The headers of its next request. */
  headers(): Record<string, string> {
    const cookies = [...this.#jar].map(([name, { value }]) => `${name}=${value}`)
    return {
      ...(cookies.length > 0 && { cookie: cookies.join('; ') }),
      ...(this.#userAgent && { 'user-agent': this.#userAgent }),
    }
  }

  /** The value of a cookie; `undefined` when there is none. */
  cookie(name: string): string | undefined {
    return this.#jar.get(name)?.value
  }

  /** Sets a cookie, as somebody who plants one. */
  plant(name: string, value: string): void {
    this.#jar.set(name, { value, persistent: true })
  }

  /** Closes it and opens it again: only persistent cookies are left. */
  reopen(): void {
    for (const [name, { persistent }] of this.#jar) if (!persistent) this.#jar.delete(name)
  }

  #store(line: string): void {
    const [pair = '', ...attributes] = line.split('; ')
    const name = pair.slice(0, pair.indexOf('='))
    const isDeleted = attributes.includes('Max-Age=0')
    if (isDeleted) this.#jar.delete(name)
    else {
      const persistent = attributes.some((attribute) => /^(?:Max-Age|Expires)=/.test(attribute))
      this.#jar.set(name, { value: pair.slice(name.length + 1), persistent })
    }
  }
}
