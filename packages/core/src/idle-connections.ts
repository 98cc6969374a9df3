import type { Server } from 'node:http'
import type { NodeResponse } from './response-head.ts'

const spared = new WeakSet<object>()
let closing = false

/**
 * Has the server of `res` close no connection as idle whose response is held. Node looks at `finished` for that, also
 * in `server.close`; a held response says `finished` to its writer before a byte has left.
 */
export function spareHeld(res: NodeResponse): void {
  const { server } = (res.req?.socket ?? {}) as { server?: Partial<Server> }
  const closeIdle = server?.closeIdleConnections
  if (!server || !closeIdle || spared.has(server)) return
  spared.add(server)
  server.closeIdleConnections = function (this: Server) {
    closing = true
    try {
      closeIdle.call(this)
    } finally {
      closing = false
    }
  }
}

/** Whether it is a server that asks, for connections to close. */
export function isClosingIdle(): boolean {
  return closing
}
