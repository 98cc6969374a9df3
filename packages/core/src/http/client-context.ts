import type { Context, ContextKey } from '../context.ts'
import { isClosed, type NodeResponse, onClosed } from './response-head.ts'

/**
 * A context whose signal is aborted when the client disconnects before the response is complete.
 */
export class ClientContext implements Context {
  readonly #parent: Context
  readonly #res: NodeResponse
  #signal: AbortSignal | undefined

  constructor(parent: Context, res: NodeResponse) {
    this.#parent = parent
    this.#res = res
  }

  /** Made at its first use: most requests never use it. */
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
      // Node finishes a stream of HTTP/2 whose client has disconnected.
      if (!res.writableEnded || !res.writableFinished) controller.abort()
    }
    if (isClosed(res)) abort()
    else onClosed(res, abort)
    const inherited = this.#parent.signal
    return inherited ? AbortSignal.any([inherited, controller.signal]) : controller.signal
  }
}
