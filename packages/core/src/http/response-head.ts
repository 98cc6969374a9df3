import type { EventEmitter } from 'node:events'
import { ServerResponse, STATUS_CODES } from 'node:http'
import { constants, Http2ServerResponse } from 'node:http2'

/** A response of Node's http or of its http2 compatibility API. */
export type NodeResponse = ServerResponse | Http2ServerResponse

/** The head of a response at one moment, or a part of it. */
export interface HeadSnapshot {
  readonly statusCode: number
  /** HTTP/2 has none. */
  readonly statusMessage: string | undefined
  readonly names: readonly string[]
  /** The value of each of {@link names}. */
  readonly values: readonly Header[]
  readonly beside: object
}

type Header = number | string | string[] | undefined

/** The headers that say where the body ends. */
export const framing: readonly string[] = ['Content-Length', 'Transfer-Encoding', 'Trailer']

/** A copy of the head as it is now, with the headers `names`. */
export function snapshotHead(
  res: NodeResponse,
  names: readonly string[] = namesAsWritten(res),
): HeadSnapshot {
  return {
    statusCode: res.statusCode,
    // HTTP/2 warns when it is asked for a message.
    statusMessage: isHttp2(res) ? undefined : res.statusMessage,
    names,
    values: names.length > 0 ? names.map((name) => headerOf(res, name)) : noValues,
    beside: besideHeaders(res),
  }
}

// An array for each response would cost memory.
const noValues: readonly never[] = []

function headerOf(res: NodeResponse, name: string): Header {
  const value = res.getHeader(name)
  return Array.isArray(value) ? [...value] : value
}

// What frames the response beside the headers. Node sets the first three when a header is removed.
function besideHeaders(res: NodeResponse): object {
  const { sendDate } = res
  if (isHttp2(res)) return { sendDate }
  const { shouldKeepAlive, useChunkedEncodingByDefault, strictContentLength } = res
  const internals = res as unknown as Record<string, unknown>
  const { _removedConnection, _removedContLen, _removedTE, _contentLength } = internals
  return {
    _removedConnection,
    _removedContLen,
    _removedTE,
    sendDate,
    shouldKeepAlive,
    useChunkedEncodingByDefault,
    strictContentLength,
    // @hono/node-server sets it in place of the header.
    _contentLength,
  }
}

/** Replaces the head, which has not been sent, by that of a snapshot, and removes trailers. */
export function restoreHead(res: NodeResponse, head: HeadSnapshot): void {
  while (res.writableCorked > 0) res.uncork()
  for (const name of res.getHeaderNames()) res.removeHeader(name)
  // HTTP/2 does not remove this one.
  if (res.hasHeader('Date')) res.setHeader('Date', new Date().toUTCString())
  forgetTrailers(res)
  restorePart(res, head)
}

/** Sets what a snapshot holds; headers only while they have not been sent. */
export function restorePart(res: NodeResponse, head: HeadSnapshot): void {
  res.statusCode = head.statusCode
  if (!isHttp2(res)) Object.assign(res, { statusMessage: head.statusMessage })
  if (res.headersSent) return
  head.names.forEach((name, i) => {
    const value = head.values[i]
    if (value === res.getHeader(name)) return
    if (value === undefined) res.removeHeader(name)
    else res.setHeader(name, value)
  })
  Object.assign(res, head.beside)
}

// HTTP/2 keeps them under a symbol, and has no way to take one back.
function forgetTrailers(res: NodeResponse): void {
  if (!isHttp2(res)) {
    res.addTrailers({})
    return
  }
  const [symbol] = Object.getOwnPropertySymbols(res).filter((key) => key.description === 'trailers')
  const trailers: object = symbol ? Reflect.get(res, symbol) : {}
  for (const name of Object.keys(trailers)) Reflect.deleteProperty(trailers, name)
}

/** The lines of a header. */
export function linesOf(res: NodeResponse, name: string): string[] {
  const value = res.getHeader(name)
  return value === undefined ? [] : [value].flat().map(String)
}

/**
 * Adds a line to those of `name`, whose case it keeps. `appendHeader` would change the array that
 * the handler has set, which its responses may share.
 */
export function addLine(res: NodeResponse, name: string, value: string | string[]): void {
  const lines = res.getHeader(name)
  if (lines === undefined) res.setHeader(name, value)
  else setLines(res, name, [lines, value].flat().map(String))
}

function setLines(res: NodeResponse, name: string, lines: readonly string[]): void {
  const isName = (other: string) => other.toLowerCase() === name.toLowerCase()
  const written = namesAsWritten(res).find(isName) ?? name
  res.setHeader(written, lines.length === 1 ? String(lines[0]) : lines)
}

/** Gives the first line a message when it has none, as Node does when it sends the head. */
export function settleStatusMessage(res: NodeResponse): void {
  if (!isHttp2(res)) res.statusMessage ||= STATUS_CODES[res.statusCode] ?? 'unknown'
}

/** Throws as Node does for a first line that cannot be sent; gives `args`. */
export function checkStatus<Args>(res: NodeResponse, args: Args): Args {
  if (isHttp2(res)) return args
  checkStatusCode(res.statusCode)
  // reason-phrase = 1*( HTAB / SP / VCHAR / obs-text ) (RFC 9112 section 4)
  if (res.statusMessage && /[^\t\x20-\x7e\x80-\xff]/.test(res.statusMessage)) {
    throw coded(new TypeError('Invalid character in statusMessage'), 'ERR_INVALID_CHAR')
  }
  return args
}

/** Whether the response is complete, or its connection is gone. Never throws. */
export function isClosed(res: NodeResponse): boolean {
  try {
    return isHttp2(res) ? res.stream.destroyed : res.destroyed || res.closed
  } catch {
    return false
  }
}

const closeListeners: unique symbol = Symbol('scs.close')

type Closable = EventEmitter & { [closeListeners]?: (() => void)[] }

/**
 * Calls `listener` when the response is complete or its connection is gone; never throws. All share
 * one listener of `close`, so that several managers cause no MaxListenersExceededWarning.
 */
export function onClosed(res: NodeResponse, listener: () => void): void {
  try {
    // Over HTTP/2, no `close` comes for a HEAD request whose client has disconnected.
    const emitter: Closable = isHttp2(res) ? res.stream : res
    const listeners = emitter[closeListeners]
    if (listeners) listeners.push(listener)
    else {
      emitter.on('close', callCloseListeners)
      emitter[closeListeners] = [listener]
    }
  } catch {
    // Not an emitter.
  }
}

function callCloseListeners(this: Closable): void {
  for (const listener of this[closeListeners]?.splice(0) ?? []) listener()
}

/**
 * Cuts the connection, or resets the stream, so that the response does not look complete; never
 * throws.
 */
export function cut(res: NodeResponse): void {
  try {
    // A stream of HTTP/2 that is destroyed without an error looks complete.
    if (isHttp2(res)) res.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    else if (res.socket || !isWhole(res)) destroy(res)
    // A pipelined response has no socket before its turn; those before it must still be sent.
    else res.once('socket', () => destroy(res))
  } catch {
    // Nothing else can be done.
  }
}

// An error response has put another method over the one of Node: see `ErrorResponse`.
function destroy(res: ServerResponse): void {
  Reflect.apply((isWhole(res) ? below(res, 'destroy') : res.destroy) as () => void, res, [])
}

/** What the response has inherited as `name`. */
export function below(res: NodeResponse, name: string): unknown {
  return Reflect.get(Object.getPrototypeOf(res), name, res)
}

/** Whether `res` is of the http2 compatibility API. */
export function isHttp2(res: NodeResponse): res is Http2ServerResponse {
  return res instanceof Http2ServerResponse
}

// Whether Node's own constructor has made `res`. Express gives Node's prototype to any response.
function isWhole(res: NodeResponse): boolean {
  return isHttp2(res) || (res instanceof ServerResponse && Object.hasOwn(res, '_header'))
}

/**
 * Whether the output of `res` can be held. In-memory responses of test tools and serverless
 * platforms can, when they have the methods; the response that socket.io makes for a WebSocket
 * handshake cannot.
 */
export function canBeHeld(res: NodeResponse): boolean {
  try {
    if (!Object.isExtensible(res)) return false
    if (isWhole(res)) return true
    const { statusCode, headersSent } = res
    const output = ['writeHead', 'write', 'end', 'on', 'emit']
    const head = ['setHeader', 'getHeader', 'getHeaderNames', 'removeHeader']
    return (
      typeof statusCode === 'number' &&
      typeof headersSent === 'boolean' &&
      [...output, ...head].every((name) => typeof Reflect.get(res, name) === 'function') &&
      Array.isArray(res.getHeaderNames())
    )
  } catch {
    return false
  }
}

/**
 * Sets the head that a `writeHead` brings, without sending it, so that hooks find it. Headers
 * replace those of the same name. Gives the arguments for the `writeHead` that sends. Throws as
 * Node does.
 */
export function applyWriteHead(res: NodeResponse, args: readonly unknown[]): unknown[] {
  const [status, reason] = args
  const statusCode = Number(status) | 0
  // HTTP/2 checks it when it is set.
  if (!isHttp2(res)) checkStatusCode(statusCode, status)
  const message = typeof reason === 'string' && !isHttp2(res) ? reason : undefined
  res.statusCode = statusCode
  if (message === undefined) settleStatusMessage(res)
  else (res as ServerResponse).statusMessage = message
  checkStatus(res, args)
  const headers = typeof reason === 'string' ? args[2] : (args[2] ?? reason)
  if (Array.isArray(headers)) applyList(res, headers)
  else if (typeof headers === 'object' && headers !== null) {
    for (const [name, value] of Object.entries(headers)) if (name) res.setHeader(name, value)
  }
  return message === undefined ? [statusCode] : [statusCode, message]
}

function checkStatusCode(statusCode: number, given: unknown = statusCode): void {
  if (statusCode >= 100 && statusCode <= 999) return
  const error = new RangeError(`Invalid status code: ${String(given)}`)
  throw coded(error, 'ERR_HTTP_INVALID_STATUS_CODE')
}

/** An error with the code that Node gives its own of that kind. */
export function coded<E extends Error>(error: E, code: string): E {
  return Object.assign(error, { code })
}

// `getHeaderNames` folds their case; HTTP/2 has no other.
function namesAsWritten(res: NodeResponse): string[] {
  const { getRawHeaderNames } = res as { getRawHeaderNames?: () => string[] }
  return getRawHeaderNames && isWhole(res) ? getRawHeaderNames.call(res) : res.getHeaderNames()
}

// [name, value, name, value …] or [[name, value], …], with repeated names. Replaces earlier
// headers.
function applyList(res: NodeResponse, list: readonly unknown[]): void {
  const flat = Array.isArray(list[0]) ? list.flat() : list
  if (flat.length % 2 !== 0) {
    const problem = "The argument 'headers' must hold a value for each name"
    throw coded(new TypeError(problem), 'ERR_INVALID_ARG_VALUE')
  }
  for (let i = 0; i < flat.length; i += 2) if (flat[i]) res.removeHeader(String(flat[i]))
  for (let i = 0; i < flat.length; i += 2) {
    const [name, value] = [flat[i], flat[i + 1]]
    // Node adds to the very array that it is given.
    if (name) res.appendHeader(String(name), (Array.isArray(value) ? [...value] : value) as string)
  }
}
