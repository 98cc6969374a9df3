import { connect } from 'node:net'

/** A response as it came over the wire: its header lines are not joined. */
export interface WireResponse {
  /** Set where the server cut the connection; the rest is then empty. */
  readonly error?: string
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
  /** The responses of status 1xx before it. */
  readonly informational: readonly { readonly status: number }[]
}

/** One request on a connection of its own. Header values go out as they are, in UTF-8, whatever they hold. */
export function send(
  url: string,
  method: string,
  path: string,
  headers: readonly (readonly [string, string])[],
  body: string,
): Promise<WireResponse> {
  const { hostname, port } = new URL(url)
  const bytes = Buffer.from(body)
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${hostname}:${port}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(bytes.length > 0 ? [`Content-Length: ${bytes.length}`] : []),
    'Connection: close',
  ]
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const socket = connect(Number(port), hostname)
    socket.on('data', (chunk) => chunks.push(chunk))
    // A connection that is cut may end with a reset; what counts is what has come.
    socket.on('error', () => {})
    socket.on('close', () => resolve(parse(Buffer.concat(chunks), method)))
    socket.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]))
  })
}

function parse(bytes: Buffer, method: string): WireResponse {
  const informational: { status: number }[] = []
  let rest = bytes
  for (;;) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) return cut('connection closed before a response')
    const [first = '', ...lines] = rest.subarray(0, end).toString().split('\r\n')
    rest = rest.subarray(end + 4)
    const status = Number(first.split(' ')[1])
    if (status < 200) {
      informational.push({ status })
      continue
    }
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trim()]
    })
    const bodiless = method === 'HEAD' || status === 204 || status === 304
    const body = bodiless ? '' : bodyOf(rest, headers)
    if (body === undefined) return cut('connection closed within a response')
    return { status, headers, body, informational }
  }
}

function bodyOf(
  bytes: Buffer,
  headers: readonly (readonly [string, string])[],
): string | undefined {
  const value = (name: string) =>
    headers.find(([other]) => other.toLowerCase() === name)?.[1].toLowerCase()
  if (value('transfer-encoding') === 'chunked') return dechunked(bytes)
  const length = value('content-length')
  if (length === undefined) return bytes.toString()
  return bytes.length === Number(length) ? bytes.toString() : undefined
}

function dechunked(bytes: Buffer): string | undefined {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at)
    if (end === -1) return undefined
    const size = Number.parseInt(bytes.subarray(at, end).toString(), 16)
    if (size === 0) return Buffer.concat(chunks).toString()
    const chunk = bytes.subarray(end + 2, end + 2 + size)
    if (chunk.length < size) return undefined
    chunks.push(chunk)
    at = end + 2 + size + 2
  }
}

function cut(error: string): WireResponse {
  return { error, status: 0, headers: [], body: '', informational: [] }
}
