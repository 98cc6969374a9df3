import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Listener } from './paths.ts'

/** One connection to a server in this process, over TCP. It makes no promise of its own for a request. */
export class Client {
  readonly #socket: Socket
  readonly #close: () => void
  #onResponse: (response: string) => void = () => {}

  /** Of a server of its own, which it closes. */
  static async of(listener: Listener): Promise<Client> {
    const server = await serve(listener)
    return Client.to(server, () => server.close())
  }

  static async to(server: Server, close = () => {}): Promise<Client> {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').setNoDelay()
    await once(socket, 'connect')
    return new Client(socket, close)
  }

  private constructor(socket: Socket, close: () => void) {
    this.#socket = socket
    this.#close = close
    // Such a response is one chunk: Node writes head and body together.
    socket.setEncoding('latin1').on('data', (response: string) => {
      if (!response.startsWith('HTTP/1.1 200')) throw new Error(response)
      this.#onResponse(response)
    })
  }

  /** So many requests, one after another; gives the cookie of the last response that has one. A login is followed. */
  send(count: number, path: string, cookie = ''): Promise<string> {
    let request = requestOf(path, cookie)
    return new Promise((resolve) => {
      let left = count
      this.#onResponse = (response) => {
        const isLast = --left === 0
        const next = isLast || path === '/login' ? cookieOf(response) : ''
        if (isLast) resolve(next || cookie)
        else {
          if (next !== '') request = requestOf(path, next)
          this.#socket.write(request)
        }
      }
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#socket.destroy()
    this.#close()
  }
}

/** A server that listens. */
export async function serve(listener: Listener): Promise<Server> {
  const server = createServer({ keepAlive: true }, listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function requestOf(path: string, cookie: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${cookie && `Cookie: ${cookie}\r\n`}\r\n`
}

function cookieOf(response: string): string {
  return /^set-cookie: ([^;]*)/im.exec(response)?.[1] ?? ''
}
