import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Awaitable, SessionManager } from '@scs/core'
import type { Exchange } from './exchange.ts'

/** What a server speaks; the scheme of its URL. `h2c` is HTTP/2 without TLS, `h2` is with it. */
export type Protocol = 'http' | 'h2c' | 'h2'

/** What a case can ask of a server. */
export type Need =
  /** Node's own response, to write to, with all that Node makes of a call. */
  | 'raw'
  /** A response to write to, also one that is collected in memory. */
  | 'response'
  /** A connection to the client: bytes that leave as they are written, a client that disconnects. */
  | 'connection'
  /** What HTTP/1.1 has, or Node's responses have for it alone. */
  | 'http/1'
  /** What a handler throws comes to the manager. */
  | 'errorFunc'
  /** What a handler throws is answered by the framework. */
  | 'own errors'

/** One kind of server: a column of the table. */
export interface ServerKind {
  readonly name: string
  readonly protocol: Protocol
  /** Who answers what a handler throws before the first byte: the manager's `errorFunc`, or the framework. */
  readonly answersErrors: 'errorFunc' | 'framework'
  /** What this kind has not, each with the reason, which the table gives. */
  readonly lacks: Readonly<Partial<Record<Need, string>>>
  /**
   * What `createServer` of the protocol is to call: each manager's middleware, the outermost first, and `handler` for
   * every path and method.
   */
  listener(managers: readonly SessionManager[], handler: Handler): Awaitable<Listener>
}

export type Handler = (exchange: Exchange) => unknown

export type Listener = (req: IncomingMessage, res: ServerResponse) => unknown

/** Why a case does not apply to a server; nothing when it does. */
export function reasonAgainst(kind: ServerKind, needs: readonly Need[]): string | undefined {
  return needs.map((need) => kind.lacks[need] ?? commonReason(kind, need)).find(Boolean)
}

function commonReason({ protocol, answersErrors }: ServerKind, need: Need): string | undefined {
  if (need === 'http/1' && protocol !== 'http') return 'over HTTP/2 Node has nothing of the kind'
  if (need === 'errorFunc' && answersErrors === 'framework') return 'answers errors itself'
  if (need === 'own errors' && answersErrors === 'errorFunc') return 'leaves errors to errorFunc'
  return undefined
}
