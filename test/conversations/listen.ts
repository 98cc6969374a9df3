import { once } from 'node:events'
import { createServer } from 'node:http'
import {
  createServer as createHttp2Server,
  createSecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { certificate } from './certificate.ts'
import type { Listener, Protocol } from './server-kind.ts'

/** A server on a free port of the loopback interface. */
export interface Listening {
  readonly url: string
  readonly port: number
  readonly server: Server
  close(): Promise<void>
}

/** Has `listener` answer the requests of a server of `protocol`. */
export async function listen(listener: Listener, protocol: Protocol): Promise<Listening> {
  const { server, cut } = protocol === 'http' ? http1(listener) : http2(listener, protocol)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `${protocol}://127.0.0.1:${port}`,
    port,
    server,
    async close() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}

function http1(listener: Listener) {
  const server = createServer((req, res) => void listener(req, res))
  return { server, cut: () => server.closeAllConnections() }
}

function http2(listener: Listener, protocol: Protocol) {
  const server: Http2Server =
    protocol === 'h2' ? createSecureServer(certificate) : createHttp2Server()
  // Handlers do not tell the two apart.
  server.on('request', (req, res) => void listener(req as never, res as never))
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.on('error', () => {})
  })
  return {
    server,
    cut: () => {
      for (const session of sessions) session.destroy()
    },
  }
}
