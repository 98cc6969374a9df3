import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { posix } from 'node:path'

// What handlers do with a ResponseWriter in Go, on a response of node:http. A second status, or a header after the
// first byte, is ignored, as there.

const bodyNotAllowed = 'http: request method or response status code does not allow body'

/** Writes bytes: how many, and Go's error where the status allows no body. */
export function write(res: ServerResponse, body: string): { n: number; err?: string } {
  const bytes = Buffer.from(body)
  if (res.headersSent && (res.statusCode === 204 || res.statusCode === 304)) {
    return { n: 0, err: bodyNotAllowed }
  }
  res.write(bytes)
  return { n: bytes.length }
}

/** Sends a status, or an informational response below 200. */
export function writeHeader(res: ServerResponse, code: number): void {
  if (res.headersSent) return
  if (code === 100) res.writeContinue()
  else if (code === 102) res.writeProcessing()
  // Node sends no early hints without a link.
  else if (code > 101 && code < 200)
    res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
  else res.writeHead(code)
}

/** Sets a header; text beyond ASCII goes out as UTF-8. */
export function setHeader(res: ServerResponse, name: string, value: string): void {
  if (!res.headersSent) res.setHeader(name, latin1(value))
}

/** Adds a line of a header. */
export function addHeader(res: ServerResponse, name: string, value: string): void {
  if (!res.headersSent) res.appendHeader(name, latin1(value))
}

/** Removes a header. */
export function removeHeader(res: ServerResponse, name: string): void {
  if (!res.headersSent) res.removeHeader(name)
}

/** The lines of a header. */
export function headerLines(res: ServerResponse, name: string): string[] {
  const value = res.getHeader(name)
  return value === undefined
    ? []
    : [value].flat().map((line) => Buffer.from(String(line), 'latin1').toString())
}

/** As http.SetCookie of a cookie that has a name and a value alone. */
export function setCookie(res: ServerResponse, name: string, value: string): void {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what Go drops
  const kept = value.replace(/[\u0000-\u001f"\\;\u007f-\uffff]/g, '')
  addHeader(res, 'Set-Cookie', `${name}=${/[ ,]/.test(kept) ? `"${kept}"` : kept}`)
}

/** As http.Error. */
export function httpError(res: ServerResponse, body: string, code: number): void {
  removeHeader(res, 'Content-Length')
  setHeader(res, 'Content-Type', 'text/plain; charset=utf-8')
  setHeader(res, 'X-Content-Type-Options', 'nosniff')
  writeHeader(res, code)
  write(res, `${body}\n`)
}

/** As http.Redirect. */
export function redirect(
  req: IncomingMessage,
  res: ServerResponse,
  url: string,
  code: number,
): void {
  const target = absolute(req, url)
  const typed = res.hasHeader('Content-Type')
  setHeader(res, 'Location', target.replace(/[^\0-\x7f]+/g, encodeURIComponent))
  const page = !typed && (req.method === 'GET' || req.method === 'HEAD')
  if (page) setHeader(res, 'Content-Type', 'text/html; charset=utf-8')
  writeHeader(res, code)
  if (page && req.method === 'GET') {
    write(res, `<a href="${escaped(target)}">${STATUS_CODES[code] ?? ''}</a>.\n\n`)
  }
}

function absolute(req: IncomingMessage, url: string): string {
  if (/^[a-z][a-z0-9+.-]*:/i.test(url) || url.startsWith('//')) return url
  const [path = '/'] = (req.url ?? '/').split('?')
  const whole = url.startsWith('/') ? url : path.slice(0, path.lastIndexOf('/') + 1) + url
  const query = whole.indexOf('?')
  if (query === -1) return posix.normalize(whole)
  return posix.normalize(whole.slice(0, query)) + whole.slice(query)
}

function escaped(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&#34;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1')
}
