import type { IncomingMessage, Server } from 'node:http'
import { background, contextOf } from '@scs/core'
import { type WebSocket, WebSocketServer } from 'ws'
import { sessions } from './sessions.ts'

/**
 * Lets those who are signed in open a WebSocket on `server`, and echoes under their names what they send. Gives a
 * function that closes all of them.
 */
export function openChat(server: Server): () => void {
  const sockets = new WebSocketServer({ noServer: true })

  // An upgrade does not pass through the handler of `createServer`, and so not through `loadAndSave`.
  server.on('upgrade', async (req, socket, head) => {
    const refuse = (status: string) => socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`)
    socket.on('error', () => socket.destroy())
    try {
      const ctx = await sessions.load(contextOf(req), sessions.readSessionCookies(req.headers))
      if (!isSameOrigin(req) || !sessions.exists(ctx, 'userName')) return refuse('403 Forbidden')
      sockets.handleUpgrade(req, socket, head, (client) => listen(client, sessions.token(ctx)))
    } catch (error) {
      console.error(error)
      refuse('500 Internal Server Error')
    }
  })

  return () => {
    for (const client of sockets.clients) client.close(1001)
  }
}

// A socket may outlive the session that it was opened with: each message reads it afresh.
function listen(client: WebSocket, token: string): void {
  client.on('error', () => client.terminate())
  client.on('message', async (message) => {
    try {
      const ctx = await sessions.load(background(), token)
      if (sessions.exists(ctx, 'userName')) {
        client.send(`${sessions.getString(ctx, 'userName')}: ${message}`)
      } else {
        client.close(1008, 'signed out')
      }
    } catch (error) {
      console.error(error)
      client.close(1011)
    }
  })
}

// Browsers send cookies with the WebSockets that any page opens; only pages of this host may. Other programs send
// no Origin.
function isSameOrigin(req: IncomingMessage): boolean {
  const { host, origin } = req.headers
  return origin === undefined || URL.parse(origin)?.host === host
}
