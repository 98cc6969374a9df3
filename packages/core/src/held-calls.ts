import { AsyncResource } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import {
  applyWriteHead,
  below,
  checkStatus,
  coded,
  type Framing,
  framingOf,
  isClosed,
  isHttp2,
  type NodeResponse,
  needsDrain,
  restoreFraming,
  restoreStatus,
  type Status,
  settleStatusMessage,
  statusOf,
} from './response-head.ts'

/** The methods of a response that make its first byte leave. */
export const outputMethods = ['writeHead', 'write', 'end', 'flushHeaders'] as const

/** One of {@link outputMethods}. */
export type OutputMethod = (typeof outputMethods)[number]

/** Implementations of {@link outputMethods}. */
export type OutputMethods = Record<OutputMethod, (...args: unknown[]) => unknown>

interface Call {
  readonly method: OutputMethod | 'cork' | 'uncork'
  readonly args: unknown[]
}

const heldOf: unique symbol = Symbol('scs.held')
const shadowed: unique symbol = Symbol('scs.shadowed')

type Shadowed = NodeResponse & { [shadowed]?: boolean }

type HeldResponse = NodeResponse & { [heldOf]?: HeldCalls | undefined }

/**
 * The output calls of a response that is held, in order. Meanwhile `headersSent` is true, and `write`, `drain` and
 * callbacks behave as if the calls had been made; the headers can still be changed. `finished`, `writableEnded` and
 * `writableFinished` stay false until the response is really ended: wrappers of serverless platforms take them for the
 * sign that the response is complete.
 */
export class HeldCalls {
  readonly #res: HeldResponse
  readonly #calls: Call[] = []
  /** What is set after the first byte wanted out comes too late, as it would have without the hold. */
  readonly #status: Status
  readonly #framing: Framing
  #bytes = 0
  #corked: number
  #needDrain = false
  #ended = false

  constructor(res: NodeResponse) {
    this.#res = res
    this.#status = statusOf(res)
    this.#framing = framingOf(res)
    this.#corked = res.writableCorked || 0
    this.#shadow()
  }

  get ended(): boolean {
    return this.#ended
  }

  get needDrain(): boolean {
    return this.#needDrain
  }

  get bytes(): number {
    return this.#bytes
  }

  get corked(): number {
    return this.#ended ? 0 : this.#corked
  }

  /** Holds one call; answers it as the response would, a late `writeHead` with the error for headers that are sent. */
  add(method: OutputMethod, args: unknown[]): unknown {
    if (method === 'writeHead' && this.#calls.length > 0) throw headersSent(this.#res)
    if (method === 'write' || (method === 'end' && !this.#ended)) checkChunk(method, args)
    if (this.#ended) return this.#addAfterEnd(method, args)
    if (method !== 'writeHead' && this.#calls.length === 0) settleStatusMessage(this.#res)
    args = args.map(inContext)
    this.#calls.push(isHttp2(this.#res) ? withoutEmptyChunk(method, args) : { method, args })
    if (method === 'flushHeaders') return undefined
    if (method === 'write') {
      this.#bytes += sizeOf(args)
      this.#needDrain ||= this.#bytes >= this.#res.writableHighWaterMark
      return !this.#needDrain
    }
    this.#ended ||= method === 'end'
    return this.#res
  }

  // The caller cannot see that the response was ended, so this is no error of its own: only the callback is given one.
  #addAfterEnd(method: OutputMethod, args: unknown[]): unknown {
    const callback = callbackOf(args)
    const [chunk] = args
    if (method === 'write' || (chunk && chunk !== callback)) {
      tell(args, coded(new Error('write after end'), 'ERR_STREAM_WRITE_AFTER_END'))
    } else if (method === 'end' && callback) {
      this.#calls.push({ method, args: [inContext(callback)] })
    }
    if (method === 'write') return false
    return method === 'flushHeaders' ? undefined : this.#res
  }

  cork(method: 'cork' | 'uncork'): void {
    this.#corked += method === 'cork' ? 1 : -1
    this.#calls.push({ method, args: [] })
  }

  /**
   * Makes the held calls, in order, through `pass`; `failed` hears of one that throws. Stops before an `end` that
   * `mayEnd` refuses: then the rest stays held, and it gives `false`.
   */
  release(
    pass: (method: OutputMethod, args: unknown[]) => unknown,
    mayEnd: () => boolean,
    failed: (error: unknown) => void,
  ): boolean {
    this.#unshadow()
    const res = this.#res
    const latest = statusOf(res)
    restoreStatus(res, this.#status)
    restoreFraming(res, this.#framing)
    let written: unknown = true
    for (let call = this.#calls.shift(); call; call = this.#calls.shift()) {
      const { method, args } = call
      if (method === 'end' && !mayEnd()) {
        this.#calls.unshift(call)
        break
      }
      try {
        if (method === 'cork' || method === 'uncork') res[method]?.()
        else if (method === 'write') written = pass(method, args)
        else pass(method, args)
      } catch (error) {
        failed(error)
        for (const rest of [call, ...this.#calls.splice(0)]) tell(rest.args, error)
      }
    }
    // For who looks at it, as a log does: it is what was set last, whatever was sent.
    restoreStatus(res, latest)
    if (this.#calls.length > 0) {
      this.#shadow()
      return false
    }
    // Node tells the writer itself when its own buffer is full.
    if (this.#needDrain && !this.#ended && written === true) this.#drain()
    return true
  }

  /** Forgets the held calls; their callbacks hear `error`, and a waiting writer goes on. */
  drop(error: unknown): void {
    this.#unshadow()
    for (const { args } of this.#calls) tell(args, error)
    if (this.#needDrain) process.nextTick(drain, this.#res)
  }

  // The last write that was passed on was not told to wait; light-my-request's `writableNeedDrain` says otherwise.
  #drain(): void {
    process.nextTick((res: HeldResponse) => {
      if (!res[heldOf]?.needDrain) emitDrain(res)
    }, this.#res)
  }

  #shadow(): void {
    const res = this.#res
    res[heldOf] = this
    defineShadows(res)
  }

  #unshadow(): void {
    this.#res[heldOf] = undefined
  }
}

/**
 * Whether `end` has been called on the response, for adapters: while it is held for a commit, its own `writableEnded` is
 * still false.
 */
export function isEnded(res: NodeResponse): boolean {
  return res.writableEnded || (res as HeldResponse)[heldOf]?.ended === true
}

/**
 * Throws as Node does for a first call that it would refuse, before anything is sent or committed. Gives the arguments for
 * the call itself: the head that it brings is on the response then.
 */
export function checkFirst(res: NodeResponse, method: OutputMethod, args: unknown[]): unknown[] {
  if (method === 'writeHead') return applyWriteHead(res, args)
  if (method !== 'flushHeaders') checkChunk(method, args)
  checkStatus(res)
  return args
}

// Throws as Node does for what is no chunk, at its caller: later nobody would hear of it.
function checkChunk(method: 'write' | 'end', args: readonly unknown[]): void {
  const [chunk] = args
  if (typeof chunk === 'string' || chunk instanceof Uint8Array) return
  if (method === 'end' && (!chunk || typeof chunk === 'function')) return
  if (chunk === null) {
    throw coded(new TypeError('May not write null values to stream'), 'ERR_STREAM_NULL_VALUES')
  }
  throw coded(
    new TypeError(
      `The "chunk" argument must be of type string or an instance of Buffer or Uint8Array; it is of type ${typeof chunk}`,
    ),
    'ERR_INVALID_ARG_TYPE',
  )
}

/**
 * Answers a call that comes to nothing, as another answer took the place of this writer's. A writer that waits for
 * `drain` goes on in a later turn: in this one, a producer without I/O would never let another in. When the response is
 * closed there is no `drain`, as with Node.
 */
export function refuse(res: NodeResponse, method: string, args: readonly unknown[]): unknown {
  tell(args, new Error('another answer took the place of this response'))
  if (method !== 'write') return method === 'flushHeaders' ? undefined : res
  if (!isClosed(res) && !draining.has(res)) {
    draining.add(res)
    setImmediate(() => {
      draining.delete(res)
      drain(res)
    })
  }
  return false
}

const draining = new WeakSet<NodeResponse>()

// A buffer that is full, of another answer perhaps, has a `drain` to come: Node's own, or that of what is held.
function drain(res: HeldResponse): void {
  const held = res[heldOf]
  if (!(held ? held.needDrain : needsDrain(res))) emitDrain(res)
}

// What a listener throws is the application's; what an `emit` throws that is not Node's, nobody could catch.
function emitDrain(res: HeldResponse): void {
  let isNodes = false
  try {
    isNodes = res.emit === EventEmitter.prototype.emit
    res.emit('drain')
  } catch (error) {
    if (isNodes) throw error
  }
}

// HTTP/2 sends memory that is no longer its own when an empty chunk is the last of those that it writes at once (seen
// with Node 22, 24 and 26). What was held is written at once.
function withoutEmptyChunk(method: OutputMethod, args: unknown[]): Call {
  const [chunk] = args
  const isEmpty = chunk === '' || (chunk instanceof Uint8Array && chunk.byteLength === 0)
  if (!isEmpty || (method !== 'write' && method !== 'end')) return { method, args }
  const callback = callbackOf(args)
  if (method === 'end') return { method, args: callback ? [callback] : [] }
  if (callback) process.nextTick(callback)
  return { method: 'flushHeaders', args: [] }
}

/** A callback runs in the asynchronous context of the call that it came with. */
export function inContext(argument: unknown): unknown {
  return typeof argument === 'function' ? AsyncResource.bind(argument as () => void) : argument
}

function callbackOf(args: readonly unknown[]): ((error?: unknown) => void) | undefined {
  return args.findLast((argument) => typeof argument === 'function') as
    | ((error?: unknown) => void)
    | undefined
}

function tell(args: readonly unknown[], error: unknown): void {
  const callback = callbackOf(args)
  if (callback) process.nextTick(callback, error)
}

function sizeOf([chunk, encoding]: readonly unknown[]): number {
  if (typeof chunk !== 'string') return (chunk as Uint8Array).byteLength
  return Buffer.byteLength(
    chunk,
    typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8',
  )
}

function headersSent(res: NodeResponse): Error {
  return isHttp2(res)
    ? coded(new Error('Response has already been initiated.'), 'ERR_HTTP2_HEADERS_SENT')
    : coded(
        new Error('Cannot write headers after they are sent to the client'),
        'ERR_HTTP_HEADERS_SENT',
      )
}

type Shadow = readonly [name: string, descriptor: (res: HeldResponse) => PropertyDescriptor]

// What a held response says of itself. The properties stay when it is released, as deleting them would turn the response
// into a slow object; then they give what is below them.
function getter(name: string, read: (held: HeldCalls) => unknown): Shadow {
  const get = function (this: HeldResponse): unknown {
    const held = this[heldOf]
    return held ? read(held) : below(this, name)
  }
  const ofPrototype = { configurable: true, get }
  return [name, (res) => (Object.hasOwn(res, name) ? overOwn(res, name, read) : ofPrototype)]
}

// Responses that are not made by Node have some of these as plain properties.
function overOwn(res: HeldResponse, name: string, read: (held: HeldCalls) => unknown) {
  let value: unknown = Reflect.get(res, name)
  return {
    configurable: true,
    enumerable: true,
    get: () => (res[heldOf] ? read(res[heldOf]) : value),
    set(to: unknown) {
      value = to
    },
  }
}

function method(name: string, call: (held: HeldCalls) => void): Shadow {
  const valueOver = (own: unknown) =>
    function (this: HeldResponse): void {
      const held = this[heldOf]
      const method = own ?? below(this, name)
      if (held) call(held)
      else if (typeof method === 'function') Reflect.apply(method, this, [])
    }
  const shared = { configurable: true, writable: true, value: valueOver(undefined) }
  const over = (own: unknown) => ({ ...shared, value: valueOver(own) })
  return [name, (res) => (Object.hasOwn(res, name) ? over(Reflect.get(res, name)) : shared)]
}

const shadows: readonly Shadow[] = [
  getter('headersSent', () => true),
  getter('writableNeedDrain', (held) => held.needDrain && !held.ended),
  getter('writableLength', (held) => held.bytes),
  getter('writableCorked', (held) => held.corked),
  method('cork', (held) => held.cork('cork')),
  method('uncork', (held) => held.cork('uncork')),
]

const shadowsOfHttp1: readonly Shadow[] = [
  ...shadows,
  // Middleware that finds no header calls this to make one: while the response is held, there is nothing to do.
  method('_implicitHeader', () => {}),
]

/** Defines, once, what answers for the response while it is held; who wraps these methods does it after that. */
export function defineShadows(res: NodeResponse): void {
  if (shadowed in res) return
  for (const [name, descriptor] of isHttp2(res) ? shadows : shadowsOfHttp1) {
    Object.defineProperty(res, name, descriptor(res))
  }
  ;(res as Shadowed)[shadowed] = true
}
