import type { ServerResponse } from 'node:http'
import type { Exchange } from './exchange.ts'
import type { Route } from './stage.ts'

/** Puts `foo`. */
export const put: Route = (exchange, manager) => {
  manager.put(exchange.ctx, 'foo', 'bar')
  return exchange.answer({})
}

/** Answers with `foo`. */
export const get: Route = (exchange, manager) =>
  exchange.answer({ body: manager.getString(exchange.ctx, 'foo') })

/** Puts `foo`, and then writes to Node's own response. */
export const putAndWrite =
  (write: (res: ServerResponse, exchange: Exchange) => unknown): Route =>
  (exchange, manager) => {
    manager.put(exchange.ctx, 'foo', 'bar')
    return write(exchange.raw().res, exchange)
  }
