import type { ServerResponse } from 'node:http'
import { constants, type Http2ServerResponse } from 'node:http2'

/** A response of Node's http or of its http2 compatibility API. */
export type NodeResponse = ServerResponse | Http2ServerResponse

/** Status and headers of a response at one moment. */
export interface HeadSnapshot {
  readonly statusCode: number
  readonly statusMessage: string | undefined
  readonly sendDate: boolean
  readonly headers: ReadonlyArray<readonly [name: string, value: number | string | string[]]>
}

/** The head as it is now; what happens to the response later does not change it. */
export function snapshotHead(res: NodeResponse): HeadSnapshot {
  // The names as they were written, where Node has them: `getHeaderNames` folds their case.
  const { getRawHeaderNames } = res as { getRawHeaderNames?: () => string[] }
  const names: string[] = getRawHeaderNames?.call(res) ?? res.getHeaderNames()
  return {
    statusCode: res.statusCode,
    statusMessage: statusMessageOf(res),
    sendDate: res.sendDate,
    headers: names.map((name) => {
      const value = res.getHeader(name) ?? ''
      return [name, Array.isArray(value) ? [...value] : value]
    }),
  }
}

/** Makes the head what it was; only while it has not been sent. */
export function restoreHead(res: NodeResponse, head: HeadSnapshot): void {
  for (const name of res.getHeaderNames()) res.removeHeader(name)
  for (const [name, value] of head.headers) res.setHeader(name, value)
  // Where servers put the length of a body past the headers (@hono/node-server does).
  if (!isHttp2(res)) Object.assign(res, { _contentLength: null })
  res.sendDate = head.sendDate
  restoreStatus(res, head.statusCode, head.statusMessage)
}

/** Sets the status line alone. */
export function restoreStatus(
  res: NodeResponse,
  statusCode: number,
  statusMessage: string | undefined,
): void {
  res.statusCode = statusCode
  if (!isHttp2(res)) (res as { statusMessage: string | undefined }).statusMessage = statusMessage
}

/** HTTP/2 has none, and warns when it is asked. */
export function statusMessageOf(res: NodeResponse): string | undefined {
  return isHttp2(res) ? undefined : res.statusMessage
}

/** Whether the response's connection has gone, or the response is through with it. */
export function isClosed(res: NodeResponse): boolean {
  return isHttp2(res) ? res.stream.destroyed : res.destroyed || res.closed
}

/** Ends the response so that its client sees that it is not complete: the connection is cut, or the stream reset. */
export function cut(res: NodeResponse): void {
  // Destroyed without an error, a stream of HTTP/2 looks complete.
  if (isHttp2(res)) res.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  else res.destroy()
}

/** Whether `res` is of the http2 compatibility API. */
export function isHttp2(res: NodeResponse): res is Http2ServerResponse {
  return 'stream' in res
}

/**
 * Does what the arguments of a `writeHead` ask for, all but sending it: headers go onto the response, where they
 * replace those of the same name as Node has it, so that what comes after can see and add to them. Gives the arguments
 * that are left for the `writeHead` that sends. Throws as Node does, before anything is sent.
 */
export function applyWriteHead(res: NodeResponse, args: readonly unknown[]): unknown[] {
  const [status, reason] = args
  const statusCode = Number(status) | 0
  if (statusCode < 100 || statusCode > 999) {
    throw coded(
      new RangeError(`Invalid status code: ${String(status)}`),
      'ERR_HTTP_INVALID_STATUS_CODE',
    )
  }
  const headers = typeof reason === 'string' ? args[2] : (args[2] ?? reason)
  if (typeof reason === 'string' && !isHttp2(res)) {
    // reason-phrase = 1*( HTAB / SP / VCHAR / obs-text ) (RFC 9112 section 4)
    if (/[^\t\x20-\x7e\x80-\xff]/.test(reason)) {
      throw coded(new TypeError('Invalid character in statusMessage'), 'ERR_INVALID_CHAR')
    }
    res.statusMessage = reason
  }
  if (Array.isArray(headers)) applyList(res, headers)
  else if (typeof headers === 'object' && headers !== null) {
    for (const [name, value] of Object.entries(headers)) if (name) res.setHeader(name, value)
  }
  res.statusCode = statusCode
  return typeof reason === 'string' && !isHttp2(res) ? [statusCode, reason] : [statusCode]
}

/** An error with the code that Node gives its own of that kind. */
export function coded<E extends Error>(error: E, code: string): E {
  return Object.assign(error, { code })
}

// [name, value, name, value …] or [[name, value], …]: repeated names are kept, earlier headers of the name are not.
function applyList(res: NodeResponse, list: readonly unknown[]): void {
  const flat = Array.isArray(list[0]) ? list.flat() : list
  if (flat.length % 2 !== 0) {
    throw coded(
      new TypeError("The argument 'headers' must hold a value for each name"),
      'ERR_INVALID_ARG_VALUE',
    )
  }
  for (let i = 0; i < flat.length; i += 2) if (flat[i]) res.removeHeader(String(flat[i]))
  for (let i = 0; i < flat.length; i += 2) {
    if (flat[i]) res.appendHeader(String(flat[i]), flat[i + 1] as string)
  }
}
