import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SessionManager } from '@scs/core'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

/** The application behind the cache: each page is at a path of its own, and counts its requests. */
export class Site {
  readonly #server = createServer((req, res) => this.#serve(req, res))
  readonly #pages = new Map<string, Handler>()
  readonly #requests = new Map<string, number>()

  /** Opens a site on a free port of the loopback interface. */
  static async open(): Promise<Site> {
    const site = new Site()
    site.#server.listen(0, '127.0.0.1')
    await once(site.#server, 'listening')
    return site
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Adds a page with a session; its path, without a slash. */
  page(manager: SessionManager, handler: Handler): string {
    const path = `page-${this.#pages.size}`
    this.#pages.set(path, manager.loadAndSave(handler))
    return path
  }

  /** How often a page has been asked for. */
  requests(path: string): number {
    return this.#requests.get(path) ?? 0
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  #serve(req: IncomingMessage, res: ServerResponse): void {
    const path = req.url?.slice(1) ?? ''
    this.#requests.set(path, this.requests(path) + 1)
    this.#pages.get(path)?.(req, res)
  }
}

/** Answers with a greeting to the visitor. */
export function greet(req: IncomingMessage, res: ServerResponse): void {
  res.end(`Hello ${req.headers['x-visitor']}`)
}
