import type { Context, ContextKey } from './context.ts'
import { isClosed, type NodeResponse, onClosed } from './response-head.ts'

/** A context whose signal is aborted when the client has gone before it had the whole response. */
export class ClientContext implements Context {
  readonly #parent: Context
  readonly #res: NodeResponse
  #signal: AbortSignal | undefined

  constructor(parent: Context, res: NodeResponse) {
    this.#parent = parent
    this.#res = res
  }

  /** Made when it is first asked for: most requests never ask. */
  get signal(): AbortSignal {
    this.#signal ??= this.#makeSignal()
    return this.#signal
  }

  value<T>(key: ContextKey<T>): T | undefined {
    return this.#parent.value(key)
  }

  #makeSignal(): AbortSignal {
    const res = this.#res
    const controller = new AbortController()
    const abort = () => {
      // A stream of HTTP/2 whose client has gone is finished by Node, though nobody has ended the response.
      if (!res.writableEnded || !res.writableFinished) controller.abort()
    }
    if (isClosed(res)) abort()
    else onClosed(res, abort)
    const inherited = this.#parent.signal
    return inherited ? AbortSignal.any([inherited, controller.signal]) : controller.signal
  }
}
