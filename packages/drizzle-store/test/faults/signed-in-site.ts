import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { contextOf, SessionManager, type SessionStore } from '@scs/core'

/** A site that people sign in to. Each page answers with the name of the user. */
export interface Site {
  readonly url: string
  close(): Promise<void>
}

/** Ways to sign in; the last one signs out in the same request. */
export const signIns = {
  '/sign-in': 'loadAndSave commits it',
  '/commit': 'the handler commits it, and again when that fails',
  '/sign-in-and-out': 'the handler commits it, and destroys it',
} as const

/** Serves the site on a random port. */
export async function serveSite(store: SessionStore, storeTimeout: number): Promise<Site> {
  const sessions = new SessionManager({
    store,
    storeTimeout,
    onError() {},
    errorFunc: (_req, res) => res.writeHead(500).end(),
  })
  const listener = sessions.loadAndSave(async (req, res) => {
    const ctx = contextOf(req)
    if (req.url === '/sign-out') await sessions.destroy(ctx)
    if (req.url && req.url in signIns) sessions.put(ctx, 'user', 'ada')
    if (req.url === '/commit') await sessions.commit(ctx).catch(() => sessions.commit(ctx))
    if (req.url === '/sign-in-and-out') {
      await sessions.commit(ctx).catch(() => {})
      await sessions.destroy(ctx)
    }
    res.end(sessions.getString(ctx, 'user'))
  })
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** A browser, which remembers every token that it was ever given. */
export class Browser {
  readonly tokens = new Set<string>()
  #token = ''

  /** Asks a site for a page; the name of the user there, or undefined when the site has failed. */
  async visit(site: Site, page: string, token = this.#token): Promise<string | undefined> {
    const headers = token === '' ? {} : { cookie: `session=${token}` }
    const response = await fetch(site.url + page, { headers })
    for (const line of response.headers.getSetCookie()) {
      this.#token = /^session=([^;]*)/.exec(line)?.[1] ?? ''
      if (this.#token !== '') this.tokens.add(this.#token)
    }
    const body = await response.text()
    return response.ok ? body : undefined
  }
}
