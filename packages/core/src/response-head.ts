import { ServerResponse, STATUS_CODES } from 'node:http'
import { constants, Http2ServerResponse } from 'node:http2'
import { none } from './few.ts'

/** A response of Node's http or of its http2 compatibility API. */
export type NodeResponse = ServerResponse | Http2ServerResponse

/** What the status line of a response says. */
export interface Status {
  readonly statusCode: number
  /** HTTP/2 has none. */
  readonly statusMessage: string | undefined
}

/** Status and headers of a response at one moment. */
export interface HeadSnapshot extends Status {
  readonly sendDate: boolean
  readonly beside: object | undefined
  readonly headers: ReadonlyArray<readonly [name: string, value: number | string | string[]]>
}

/** The head as it is now; what happens to the response later does not change it. */
export function snapshotHead(res: NodeResponse): HeadSnapshot {
  const isOverHttp2 = isHttp2(res)
  const names = namesAsWritten(res)
  return {
    statusCode: res.statusCode,
    statusMessage: isOverHttp2 ? undefined : res.statusMessage,
    sendDate: res.sendDate,
    beside: isOverHttp2 ? undefined : besideHeaders(res),
    headers: names.length === 0 ? none : names.map((name) => [name, headerOf(res, name)]),
  }
}

function headerOf(res: NodeResponse, name: string): number | string | string[] {
  const value = res.getHeader(name) ?? ''
  return Array.isArray(value) ? [...value] : value
}

/** Makes the head what it was, and takes back what was to come after it; only while it has not been sent. */
export function restoreHead(res: NodeResponse, head: HeadSnapshot): void {
  while (res.writableCorked > 0) res.uncork()
  for (const name of res.getHeaderNames()) res.removeHeader(name)
  // HTTP/2 says that it removes this one, and keeps it.
  if (res.hasHeader('Date')) res.setHeader('Date', new Date().toUTCString())
  for (const [name, value] of head.headers) res.setHeader(name, value)
  forgetTrailers(res)
  Object.assign(res, head.beside)
  res.sendDate = head.sendDate
  restoreStatus(res, head)
}

// What decides over connection and body beside the headers. Node sets the first three for a header that is removed: it
// finds none of its own then.
function besideHeaders(res: ServerResponse): object {
  const { shouldKeepAlive, useChunkedEncodingByDefault, strictContentLength } = res
  const { _removedConnection, _removedContLen, _removedTE } = res as object as Removed
  return {
    _removedConnection,
    _removedContLen,
    _removedTE,
    shouldKeepAlive,
    useChunkedEncodingByDefault,
    strictContentLength,
    // Where servers put the length of a body past the headers (@hono/node-server does).
    _contentLength: null,
  }
}

interface Removed {
  readonly _removedConnection?: unknown
  readonly _removedContLen?: unknown
  readonly _removedTE?: unknown
}

// HTTP/2 keeps them under a symbol of its own, and has no way to take one back.
function forgetTrailers(res: NodeResponse): void {
  if (!isHttp2(res)) {
    res.addTrailers({})
    return
  }
  const [symbol] = Object.getOwnPropertySymbols(res).filter((key) => key.description === 'trailers')
  const trailers: object = symbol ? Reflect.get(res, symbol) : {}
  for (const name of Object.keys(trailers)) Reflect.deleteProperty(trailers, name)
}

/**
 * Adds a line to those of `name`. Not by `appendHeader`, which adds to the very array that the handler has set: perhaps
 * one of all its responses, and then they would all carry what is added to one.
 */
export function addLine(res: NodeResponse, name: string, value: string | string[]): void {
  const lines = res.getHeader(name)
  if (lines === undefined) res.setHeader(name, value)
  else res.setHeader(asWritten(res, name), [lines, value].flat().map(String))
}

/** The status line as it is now. */
export function statusOf(res: NodeResponse): Status {
  // HTTP/2 warns when it is asked for a message.
  return { statusCode: res.statusCode, statusMessage: isHttp2(res) ? undefined : res.statusMessage }
}

/** Makes the status line what it was. */
export function restoreStatus(res: NodeResponse, { statusCode, statusMessage }: Status): void {
  res.statusCode = statusCode
  if (!isHttp2(res)) (res as { statusMessage: string | undefined }).statusMessage = statusMessage
}

/** What says where the body ends. */
export interface Framing {
  readonly lines: readonly (number | string | string[] | undefined)[]
  readonly removed: object
}

const framingNames = ['Content-Length', 'Transfer-Encoding', 'Trailer'] as const

/** What is said now of the body's end. */
export function framingOf(res: NodeResponse): Framing {
  const { _removedContLen, _removedTE } = res as Removed
  return {
    lines: framingNames.map((name) => res.getHeader(name)),
    removed: isHttp2(res) ? {} : { _removedContLen, _removedTE },
  }
}

/** Has the head say what it said of the body's end; only while it has not been sent. */
export function restoreFraming(res: NodeResponse, { lines, removed }: Framing): void {
  if (res.headersSent) return
  framingNames.forEach((name, i) => {
    const value = lines[i]
    if (value === res.getHeader(name)) return
    if (value === undefined) res.removeHeader(name)
    else res.setHeader(name, value)
  })
  // Node finds the length itself, unless somebody has removed it.
  Object.assign(res, removed)
}

/** Gives the status line a message when it has none, as Node does when it makes the head. */
export function settleStatusMessage(res: NodeResponse): void {
  if (!isHttp2(res)) res.statusMessage ||= STATUS_CODES[res.statusCode] ?? 'unknown'
}

/** Throws as Node does for a status line that cannot be sent, before anything is sent. */
export function checkStatus(res: NodeResponse): void {
  if (isHttp2(res)) return
  checkStatusCode(res.statusCode)
  // reason-phrase = 1*( HTAB / SP / VCHAR / obs-text ) (RFC 9112 section 4)
  if (res.statusMessage && /[^\t\x20-\x7e\x80-\xff]/.test(res.statusMessage)) {
    throw coded(new TypeError('Invalid character in statusMessage'), 'ERR_INVALID_CHAR')
  }
}

/** Whether the response is complete, or its connection is gone. Never throws: a response that cannot tell is open. */
export function isClosed(res: NodeResponse): boolean {
  try {
    return isHttp2(res) ? res.stream.destroyed : res.destroyed || res.closed
  } catch {
    return false
  }
}

const closeListeners: unique symbol = Symbol('scs.closeListeners')

type Closable = Pick<NodeResponse, 'on'> & { [closeListeners]?: Array<() => void> }

/**
 * Calls `listener` once, when the response is complete or its connection is gone. All listeners of one response share
 * one `close` listener, so that several managers cause no MaxListenersExceededWarning. Never throws: on a response that
 * has no such event, it is never called.
 */
export function onClosed(res: NodeResponse, listener: () => void): void {
  try {
    // Over HTTP/2, Node emits no `close` on the response to a HEAD request whose client has disconnected.
    const emitter = (isHttp2(res) ? res.stream : res) as Closable
    const listeners = emitter[closeListeners]
    if (listeners) {
      listeners.push(listener)
      return
    }
    emitter[closeListeners] = [listener]
    emitter.on('close', callCloseListeners)
  } catch {
    // Not an emitter.
  }
}

function callCloseListeners(this: Closable): void {
  for (const listener of this[closeListeners]?.splice(0) ?? none) listener()
}

/**
 * Ends the response so that its client sees that it is not complete: the connection is cut, or the stream reset. Never
 * throws: a response that cannot even be cut is left alone.
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

// The response's own method may ignore this call: see `Answer`.
function destroy(res: ServerResponse): void {
  Reflect.apply((isWhole(res) ? below(res, 'destroy') : res.destroy) as () => void, res, [])
}

/** What a response has of `name` apart from what was put onto it. */
export function below(res: NodeResponse, name: string): unknown {
  return Reflect.get(Object.getPrototypeOf(res), name, res)
}

/** Whether Node will tell a writer to go on. */
export function needsDrain(res: NodeResponse): boolean {
  return isHttp2(res) ? res.stream.writableNeedDrain : res.writableNeedDrain
}

/** Whether `res` is of the http2 compatibility API. */
export function isHttp2(res: NodeResponse): res is Http2ServerResponse {
  return res instanceof Http2ServerResponse
}

/**
 * Whether Node's own constructor has made `res`. Express gives its prototype, which is Node's, to whatever response it is
 * called with.
 */
function isWhole(res: NodeResponse): boolean {
  return isHttp2(res) || (res instanceof ServerResponse && Object.hasOwn(res, '_header'))
}

const methodsOfHeld = [
  ...['writeHead', 'write', 'end', 'on', 'emit'],
  ...['setHeader', 'getHeader', 'getHeaderNames', 'removeHeader'],
] as const

/**
 * Whether the output of `res` can be held. In-memory responses of test tools and serverless platforms can be, when they
 * have the methods; the response that socket.io makes for a WebSocket handshake cannot.
 */
export function canBeHeld(res: NodeResponse): boolean {
  try {
    if (!Object.isExtensible(res)) return false
    if (isWhole(res)) return true
    const { statusCode, headersSent } = res
    return (
      typeof statusCode === 'number' &&
      typeof headersSent === 'boolean' &&
      methodsOfHeld.every((name) => typeof Reflect.get(res, name) === 'function') &&
      Array.isArray(res.getHeaderNames())
    )
  } catch {
    return false
  }
}

/**
 * Does what the arguments of a `writeHead` ask for, all but sending it: headers go onto the response, where they
 * replace those of the same name as Node has it, so that what comes after can see and add to them. Gives the arguments
 * that are left for the `writeHead` that sends. Throws as Node does, before anything is sent.
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
  checkStatus(res)
  const headers = typeof reason === 'string' ? args[2] : (args[2] ?? reason)
  if (Array.isArray(headers)) applyList(res, headers)
  else if (typeof headers === 'object' && headers !== null) {
    for (const [name, value] of Object.entries(headers)) if (name) res.setHeader(name, value)
  }
  return message === undefined ? [statusCode] : [statusCode, message]
}

function checkStatusCode(statusCode: number, given: unknown = statusCode): void {
  if (statusCode >= 100 && statusCode <= 999) return
  throw coded(
    new RangeError(`Invalid status code: ${String(given)}`),
    'ERR_HTTP_INVALID_STATUS_CODE',
  )
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

function asWritten(res: NodeResponse, name: string): string {
  const isName = (other: string) => other.toLowerCase() === name.toLowerCase()
  return namesAsWritten(res).find(isName) ?? name
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
    const [name, value] = [flat[i], flat[i + 1]]
    // Node adds to the very array that it is given.
    if (name) res.appendHeader(String(name), (Array.isArray(value) ? [...value] : value) as string)
  }
}
