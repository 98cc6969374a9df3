import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A connection to a port of the loopback interface. */
export interface Wire {
  readonly socket: Socket
  /** Everything that came until the server closed. */
  all(): Promise<string>
  /** What has come so far, when it holds `text`. */
  until(text: string): Promise<string>
}

/** Opens a connection, and sends `text`. */
export function dial(port: number, text: string): Wire {
  const socket = connect(port, '127.0.0.1')
  let came = ''
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    came += chunk
  })
  // The case is about what came before.
  socket.on('error', () => {})
  socket.write(text, 'latin1')
  return {
    socket,
    async all() {
      if (!socket.closed) await once(socket, 'close')
      return came
    },
    async until(text) {
      while (!came.includes(text)) await once(socket, 'data')
      return came
    },
  }
}

/** A request without a body; the connection stays open. */
export function request(line: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries({ Host: 'localhost', ...headers })
  return `${line} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}
