import { SessionManager, type SessionManagerOptions } from '@scs/core'
import { Client, type ClientOptions } from './client/client.ts'
import { type Exchange, failure } from './exchange.ts'
import { type Listening, listen } from './listen.ts'
import type { Handler, Listener, ServerKind } from './server-kind.ts'
import type { CaseStore } from './stores.ts'

/** What answers at one path. */
export type Route = (exchange: Exchange, manager: SessionManager) => unknown

/** What comes between the server and everything of the framework, as middleware of `node:http`. */
export type Around = (next: Listener) => Listener

export interface SiteOptions extends Omit<SessionManagerOptions, 'store'> {
  readonly around?: Around
}

/** A server with its one manager, and a client. */
export interface Site extends Listening {
  readonly manager: SessionManager
  readonly store: CaseStore
  readonly client: Client
  /** What `onError` has heard. */
  readonly errors: readonly unknown[]
}

/** What a case plays on: one kind of server with one kind of store. All that it opens is closed after the case. */
export class Stage implements AsyncDisposable {
  readonly kind: ServerKind
  readonly #makeStore: () => CaseStore
  readonly #opened: Array<() => unknown> = []

  constructor(kind: ServerKind, makeStore: () => CaseStore) {
    this.kind = kind
    this.#makeStore = makeStore
  }

  makeStore(): CaseStore {
    return this.#makeStore()
  }

  /** A server that answers by path, with one manager. */
  async open(routes: Record<string, Route>, options: SiteOptions = {}): Promise<Site> {
    const { around, ...ofManager } = options
    const store = this.makeStore()
    const errors: unknown[] = []
    const manager = this.makeManager({
      store,
      onError: (error) => errors.push(error),
      ...ofManager,
    })
    const serving = await this.serve(
      [manager],
      (exchange) => routes[exchange.path]?.(exchange, manager),
      around,
    )
    return { ...serving, manager, store, errors, client: this.connect(serving) }
  }

  /** A manager that answers errors as every case expects it. */
  makeManager(options: SessionManagerOptions): SessionManager {
    return new SessionManager({
      errorFunc: (_req, res, error) => {
        res.statusCode = 500
        res.end(failure(error))
      },
      ...options,
    })
  }

  /** A server with these managers, the outermost first. */
  async serve(
    managers: readonly SessionManager[],
    handler: Handler,
    around: Around = (next) => next,
  ): Promise<Listening> {
    const listener = await this.kind.listener(managers, handler)
    const listening = await listen(around(listener), this.kind.protocol)
    this.#opened.push(() => listening.close())
    return listening
  }

  /** Another client. */
  connect({ url }: Listening, options?: ClientOptions): Client {
    const client = new Client(url, options)
    this.#opened.push(() => client.close())
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#opened.reverse()) await close()
  }
}
