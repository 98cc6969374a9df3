import type { Server, ServerResponse } from 'node:http'

/** Responses that say `finished` though not a byte of them has left, by their server. */
const pretenders = new WeakMap<object, Set<ServerResponse>>()

/**
 * Has `res` say `finished`, or not, to all but its server: that would take the connection for idle, and cut it in
 * `server.close`.
 */
export function pretendFinished(res: ServerResponse, finished: boolean): void {
  res.finished = finished
  const { server } = (res.req?.socket ?? {}) as { server?: Server }
  if (!server?.closeIdleConnections) return
  const all = pretenders.get(server) ?? revealedTo(server)
  if (finished) all.add(res)
  else all.delete(res)
}

// The pretenders of a server that will see them as they are when it closes what is idle.
function revealedTo(server: Server): Set<ServerResponse> {
  const all = new Set<ServerResponse>()
  pretenders.set(server, all)
  const { closeIdleConnections } = server
  server.closeIdleConnections = () => {
    for (const res of all) res.finished = false
    try {
      closeIdleConnections.call(server)
    } finally {
      for (const res of all) res.finished = true
    }
  }
  return all
}
