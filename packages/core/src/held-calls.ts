import { AsyncResource } from 'node:async_hooks'
import { pretendFinished } from './idle-connections.ts'
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

type HeldResponse = NodeResponse & { [heldOf]?: HeldCalls | undefined }

/**
 * The calls that a writer has made to a response that may not be written yet, in order. While they are held, the
 * response looks to its writer as it would had they been carried out; its head can still be changed.
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
    this.#corked = res.writableCorked
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

  /** Holds one call; answers it as the response would, to `writeHead` with an error: the headers are as good as sent. */
  add(method: OutputMethod, args: unknown[]): unknown {
    if (method === 'writeHead' && this.#calls.length > 0) throw headersSent(this.#res)
    if (method === 'write' || (method === 'end' && !this.#ended)) checkChunk(method, args)
    if (method !== 'writeHead' && this.#calls.length === 0) settleStatusMessage(this.#res)
    args = args.map(inContext)
    this.#calls.push(isHttp2(this.#res) ? withoutEmptyChunk(method, args) : { method, args })
    if (method === 'flushHeaders') return undefined
    if (method === 'write' && this.#ended) return false
    if (method === 'write') {
      this.#bytes += sizeOf(args)
      this.#needDrain ||= this.#bytes >= this.#res.writableHighWaterMark
      return !this.#needDrain
    }
    if (method === 'end' && !this.#ended) {
      this.#ended = true
      if (!isHttp2(this.#res)) pretendFinished(this.#res, true)
    }
    return this.#res
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
    if (this.#needDrain) this.#drain()
  }

  #drain(): void {
    process.nextTick(drain, this.#res)
  }

  #shadow(): void {
    const res = this.#res
    res[heldOf] = this
    defineShadows(res)
    if (this.#ended && !isHttp2(res)) pretendFinished(res, true)
  }

  #unshadow(): void {
    this.#res[heldOf] = undefined
    if (!isHttp2(this.#res) && this.#ended) pretendFinished(this.#res, false)
  }
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
  if (!(held ? held.needDrain : needsDrain(res))) res.emit('drain')
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

// What a held response says of itself. The properties stay when it is released, as deleting them would make a slow object
// of the response; what is below them answers then.
function getter(name: string, read: (held: HeldCalls) => unknown): Shadow {
  const get = function (this: HeldResponse): unknown {
    const held = this[heldOf]
    return held ? read(held) : below(this, name)
  }
  return [name, { configurable: true, get }]
}

function method(name: string, call: (held: HeldCalls) => void): Shadow {
  const value = function (this: HeldResponse): void {
    const held = this[heldOf]
    if (held) call(held)
    else Reflect.apply(below(this, name) as () => void, this, [])
  }
  return [name, { configurable: true, writable: true, value }]
}

type Shadow = readonly [name: string, descriptor: PropertyDescriptor]

const shadows: readonly Shadow[] = [
  getter('headersSent', () => true),
  getter('writableFinished', () => false),
  getter('writableNeedDrain', (held) => held.needDrain && !held.ended),
  getter('writableLength', (held) => held.bytes),
  getter('writableCorked', (held) => held.corked),
  method('cork', (held) => held.cork('cork')),
  method('uncork', (held) => held.cork('uncork')),
]

// Here `writableEnded` says what `finished` does.
const shadowsOfHttp1: readonly Shadow[] = [
  ...shadows,
  // Middleware that sees no header yet calls this to make one: it is as good as made.
  method('_implicitHeader', () => {}),
  // Node calls this when a pipelined response comes to its turn, and says that it is finished.
  method('_finish', () => {}),
]

const shadowsOfHttp2: readonly Shadow[] = [
  ...shadows,
  getter('writableEnded', (held) => held.ended),
  getter('finished', (held) => held.ended),
]

/** Defines, once, what answers for the response while it is held; who wraps these methods does it after that. */
export function defineShadows(res: NodeResponse): void {
  if (Object.hasOwn(res, 'writableLength')) return
  for (const [name, descriptor] of isHttp2(res) ? shadowsOfHttp2 : shadowsOfHttp1) {
    Object.defineProperty(res, name, descriptor)
  }
}
