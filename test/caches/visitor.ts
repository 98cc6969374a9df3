/** What a visitor was given. */
export interface Page {
  readonly body: string
  /** What nginx says of it: MISS, HIT, STALE …; `undefined` of a page that it is not to cache. */
  readonly cache: string | undefined
  /** Its Set-Cookie lines. */
  readonly cookies: readonly string[]
}

/** Somebody with a browser that keeps one cookie. */
export class Visitor {
  readonly name: string
  #cookie: string | undefined

  constructor(name: string) {
    this.name = name
  }

  async get(url: string, method = 'GET'): Promise<Page> {
    const cookie = this.#cookie
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      headers: { 'X-Visitor': this.name, ...(cookie !== undefined && { cookie }) },
    })
    const cookies = response.headers.getSetCookie()
    for (const line of cookies) this.#cookie = line.slice(0, line.indexOf(';'))
    return {
      body: await response.text(),
      cache: response.headers.get('X-Cache-Status') ?? undefined,
      cookies,
    }
  }
}
