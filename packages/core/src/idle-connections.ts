import type { Server, ServerResponse } from 'node:http'

/**
 * Responses that say `finished` though not a byte of them has left, by their server. No Set: as many come and go, the old
 * tables that it leaves behind would keep each of them alive until the next collection of all memory.
 */
const pretenders = new WeakMap<object, ServerResponse[]>()

/**
 * Has `res` say `finished`, or not, to all but its server: that would take the connection for idle, and cut it in
 * `server.close`.
 */
export function pretendFinished(res: ServerResponse, finished: boolean): void {
  res.finished = finished
  const { server } = (res.req?.socket ?? {}) as { server?: Server }
  if (!server?.closeIdleConnections) return
  const all = pretenders.get(server) ?? revealedTo(server)
  if (finished) all.push(res)
  else remove(all, res)
}

// The last one takes its place: their order means nothing.
function remove(all: ServerResponse[], res: ServerResponse): void {
  const index = all.indexOf(res)
  const last = index >= 0 ? all.pop() : undefined
  if (last && last !== res) all[index] = last
}

// The pretenders of a server that will see them as they are when it closes what is idle.
function revealedTo(server: Server): ServerResponse[] {
  const all: ServerResponse[] = []
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
