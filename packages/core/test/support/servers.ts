import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2'
import { type AddressInfo, connect, type Server } from 'node:net'

/** A server on a free port of the loopback interface. */
export interface Running {
  readonly port: number
  readonly url: string
  readonly server: Server
  /** Ends all connections. */
  cut(): void
  [Symbol.asyncDispose](): Promise<void>
}

/** What a server speaks; the scheme of its URL. */
export type Protocol = 'http' | 'h2c'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

export async function serve(handler: Handler, protocol: Protocol = 'http'): Promise<Running> {
  const { server, cut } = protocol === 'http' ? http1(handler) : http2(handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `${protocol}://127.0.0.1:${port}`,
    server,
    cut,
    async [Symbol.asyncDispose]() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}

function http1(handler: Handler) {
  const server = createServer((req, res) => void handler(req, res))
  return { server, cut: () => server.closeAllConnections() }
}

function http2(handler: Handler) {
  // Handlers do not tell the two apart.
  const server = createHttp2Server((req, res) => void handler(req as never, res as never))
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => {})
  })
  return {
    server,
    cut: () => {
      for (const session of sessions) session.destroy()
    },
  }
}

/** Sends `text` on a connection of its own; everything that comes back until the server closes it. */
export async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => {})
  socket.write(text, 'latin1')
  await once(socket, 'close')
  return Buffer.concat(chunks).toString('latin1')
}

/** A request line with headers; the server closes the connection after it. */
export function request(line: string, headers: Record<string, string> = {}): string {
  const lines = Object.entries({ Host: 'localhost', Connection: 'close', ...headers })
  return `${line} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}
