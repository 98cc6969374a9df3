import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { contextOf, SessionManager, type SessionStore, second } from '@scs/core'

interface Values {
  count: number
  [key: `by-${string}`]: boolean
}

/** Serves sessions of `store` that are counted up. Prints its port; ends, and calls `close`, when its stdin does. */
export function serveUpdates(store: SessionStore, close: () => Promise<unknown>): void {
  const reported: string[] = []
  const manager = new SessionManager<Values>({
    store,
    storeTimeout: 3 * second,
    errorFunc(_req, res, error) {
      res.statusCode = 500
      res.end(`failed: ${text(error)}`)
    },
    onError: (error) => reported.push(text(error)),
  })

  const server = createServer(
    manager.loadAndSave((req, res) => {
      const ctx = contextOf(req)
      const { pathname, searchParams } = new URL(req.url ?? '', 'http://localhost')
      if (pathname === '/start') manager.put(ctx, 'count', 0)
      if (pathname === '/add') {
        manager.update(ctx, 'count', (count) => (count ?? 0) + 1)
        const by = searchParams.get('by')
        if (by !== null) manager.put(ctx, `by-${by}`, true)
      }
      const told = { count: manager.get(ctx, 'count'), keys: manager.keys(ctx), reported }
      res.end(JSON.stringify(told))
    }),
  )
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))

  process.stdin.resume().on('end', async () => {
    server.closeAllConnections()
    server.close()
    await close()
  })
}

function text(error: unknown): string {
  const { code } = error as { code?: unknown }
  return `${error} (${code})`
}
