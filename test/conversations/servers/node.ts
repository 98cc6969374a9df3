import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Handler, Listener, Protocol, ServerKind } from '../server-kind.ts'
import { nodeExchange } from './node-exchange.ts'

const overNode = (name: string, protocol: Protocol): ServerKind => ({
  name,
  protocol,
  answersErrors: 'errorFunc',
  lacks: {},
  listener: (managers, handler) =>
    managers.reduceRight<Listener>(
      (next, manager) => manager.loadAndSave(next),
      toListener(handler),
    ),
})

/** `node:http`. */
export const http: ServerKind = overNode('http', 'http')

/** `node:http2` without TLS, through its compatibility API. */
export const h2c: ServerKind = overNode('h2c', 'h2c')

/** `node:http2` over TLS, through its compatibility API. */
export const h2: ServerKind = overNode('h2', 'h2')

function toListener(handler: Handler): Listener {
  return (req: IncomingMessage, res: ServerResponse) => handler(nodeExchange(req, res))
}
