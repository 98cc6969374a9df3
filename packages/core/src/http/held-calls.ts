import { AsyncResource } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import {
  applyWriteHead,
  below,
  checkStatus,
  coded,
  framing,
  type HeadSnapshot,
  isHttp2,
  type NodeResponse,
  restorePart,
  settleStatusMessage,
  snapshotHead,
} from './response-head.ts'

/** The methods of a response that send its first byte. */
export type OutputMethod = 'writeHead' | 'write' | 'end' | 'flushHeaders'

export type OutputMethods = Record<OutputMethod, (...args: unknown[]) => unknown>

interface Call {
  readonly method: OutputMethod | 'cork' | 'uncork'
  readonly args: unknown[]
}

const heldOf: unique symbol = Symbol('scs.held')

type HeldResponse = NodeResponse & { [heldOf]?: HeldCalls | undefined }

/**
 * The output calls of a held response, in order. Meanwhile `headersSent` is true, and `write`,
 * `drain` and callbacks behave as if the calls had been made; headers can still be set. `finished`,
 * `writableEnded` and `writableFinished` stay false until the response is really ended: wrappers of
 * serverless platforms then take the response for complete.
 */
export class HeldCalls implements Record<OutputMethod, (args: unknown[]) => unknown> {
  readonly #res: HeldResponse
  readonly #calls: Call[] = []
  /** Status and framing are those of the first output call, as without the hold. */
  readonly #head: HeadSnapshot
  bytes = 0
  ended = false
  needDrain = false
  #corked: number

  constructor(res: NodeResponse) {
    this.#res = res
    this.#head = snapshotHead(res, framing)
    this.#corked = res.writableCorked || 0
    defineShadows(res)
    this.#res[heldOf] = this
  }

  get corked(): number {
    return this.ended ? 0 : this.#corked
  }

  writeHead(args: unknown[]): unknown {
    if (this.#calls.length > 0) throw headTwice(this.#res)
    this.#calls.push({ method: 'writeHead', args })
    return this.#res
  }

  write(args: unknown[]): boolean {
    checkChunk(args)
    if (this.ended) {
      tell(args, writeAfterEnd())
      return false
    }
    const size = sizeOf(args)
    if (size > 0 || !isHttp2(this.#res)) this.#add('write', args)
    else {
      // HTTP/2 sends freed memory when the last chunk of a turn is empty (Node 22 to 26).
      const callback = callbackOf(args)
      if (callback) process.nextTick(callback)
      this.flushHeaders()
    }
    this.bytes += size
    this.needDrain ||= this.bytes >= this.#res.writableHighWaterMark
    return !this.needDrain
  }

  end(args: unknown[]): unknown {
    const callback = callbackOf(args)
    const withChunk = hasChunk(args)
    if (withChunk && !this.ended) checkChunk(args)
    // The caller cannot see that the response was ended: only its callback receives the error.
    if (withChunk && this.ended) tell(args, writeAfterEnd())
    else if (withChunk && sizeOf(args) > 0) this.#add('end', args)
    else if (callback || !this.ended) this.#add('end', callback ? [callback] : [])
    this.ended = true
    return this.#res
  }

  flushHeaders(): void {
    if (!this.ended) this.#add('flushHeaders', [])
  }

  cork(method: 'cork' | 'uncork'): void {
    this.#corked += method === 'cork' ? 1 : -1
    this.#calls.push({ method, args: [] })
  }

  #add(method: OutputMethod, args: unknown[]): void {
    if (this.#calls.length === 0) settleStatusMessage(this.#res)
    this.#calls.push({ method, args: args.map(inContext) })
  }

  /** Makes the held calls again, in order, through `call`. When one throws, the rest is dropped. */
  release(call: (method: OutputMethod, args: unknown[]) => unknown): void {
    const res = this.#res
    res[heldOf] = undefined
    const latest = snapshotHead(res, [])
    restorePart(res, this.#head)
    let written: unknown = true
    try {
      for (let next = this.#calls.shift(); next; next = this.#calls.shift()) {
        const result = this.#make(next, call)
        if (next.method === 'write') written = result
      }
    } finally {
      // A log that reads the status finds what was set last, whatever was sent.
      restorePart(res, latest)
    }
    // Node emits `drain` when its buffer is full. With light-my-request it is said to be, always.
    if (this.needDrain && !this.ended && written === true) process.nextTick(drain, res, () => false)
  }

  #make(next: Call, call: (method: OutputMethod, args: unknown[]) => unknown): unknown {
    const { method, args } = next
    try {
      return method === 'cork' || method === 'uncork' ? this.#res[method]?.() : call(method, args)
    } catch (error) {
      for (const { args } of [next, ...this.#calls.splice(0)]) tell(args, error)
      throw error
    }
  }

  /**
   * Drops the held calls: callbacks receive `error`, and a writer that waits for `drain` goes on.
   */
  drop(error: unknown): void {
    this.#res[heldOf] = undefined
    for (const { args } of this.#calls) tell(args, error)
    if (this.needDrain) process.nextTick(drain, this.#res)
  }
}

/**
 * Whether `end` has been called on the response, for adapters: `writableEnded` is still false while
 * the response is held for a commit.
 */
export function isEnded(res: NodeResponse): boolean {
  return res.writableEnded || (res as HeldResponse)[heldOf]?.ended === true
}

/**
 * Checks the arguments of a first call before anything is committed or sent, and throws as Node
 * does. Sets the head that a `writeHead` brings. Gives the arguments that are left.
 */
export const checkFirst: Record<OutputMethod, (res: NodeResponse, args: unknown[]) => unknown[]> = {
  writeHead: applyWriteHead,
  write: (res, args) => checkStatus(res, checkChunk(args)),
  end: (res, args) => checkStatus(res, hasChunk(args) ? checkChunk(args) : args),
  flushHeaders: checkStatus,
}

function hasChunk(args: readonly unknown[]): boolean {
  return Boolean(args[0]) && typeof args[0] !== 'function'
}

// Throws as Node does: when the chunk is sent, its caller has long returned.
function checkChunk<Args extends readonly unknown[]>(args: Args): Args {
  const chunk = args[0]
  if (typeof chunk === 'string' || chunk instanceof Uint8Array) return args
  if (chunk === null) {
    throw coded(new TypeError('May not write null values to stream'), 'ERR_STREAM_NULL_VALUES')
  }
  const allowed = 'of type string or an instance of Buffer or Uint8Array'
  const problem = `The "chunk" argument must be ${allowed}; it is of type ${typeof chunk}`
  throw coded(new TypeError(problem), 'ERR_INVALID_ARG_TYPE')
}

/** Whether Node will emit `drain`. */
function needsDrain(res: NodeResponse): boolean {
  return isHttp2(res) ? res.stream.writableNeedDrain : res.writableNeedDrain
}

/**
 * Emits `drain`, unless a full buffer will. Errors of listeners are the application's; what a
 * foreign `emit` throws is dropped, as nobody could catch it.
 */
export function drain(
  res: HeldResponse,
  isFull: (res: NodeResponse) => boolean = needsDrain,
): void {
  const held = res[heldOf]
  if (held ? held.needDrain : isFull(res)) return
  let isNodes = false
  try {
    isNodes = res.emit === EventEmitter.prototype.emit
    res.emit('drain')
  } catch (error) {
    if (isNodes) throw error
  }
}

// A callback runs in the asynchronous context of the call that it came with.
function inContext(argument: unknown): unknown {
  return typeof argument === 'function' ? AsyncResource.bind(argument as () => void) : argument
}

function callbackOf(args: readonly unknown[]): ((error?: unknown) => void) | undefined {
  return args.findLast((argument) => typeof argument === 'function') as
    | ((error?: unknown) => void)
    | undefined
}

/** Has the callback of a call receive `error`. */
export function tell(args: readonly unknown[], error: unknown): void {
  const callback = callbackOf(args)
  if (callback) process.nextTick(callback, error)
}

function sizeOf([chunk, encoding]: readonly unknown[]): number {
  const known = typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'
  return Buffer.byteLength(chunk as string | Uint8Array, known)
}

function writeAfterEnd(): Error {
  return coded(new Error('write after end'), 'ERR_STREAM_WRITE_AFTER_END')
}

function headTwice(res: NodeResponse): Error {
  const [message, code] = isHttp2(res)
    ? ['Response has already been initiated.', 'ERR_HTTP2_HEADERS_SENT']
    : ['Cannot write headers after they are sent to the client', 'ERR_HTTP_HEADERS_SENT']
  return coded(new Error(message), code)
}

type Shadow = (name: string, own?: { value: unknown }) => PropertyDescriptor

const property =
  (read: (held: HeldCalls) => unknown): Shadow =>
  (name, own) => ({
    configurable: true,
    enumerable: own !== undefined,
    get(this: HeldResponse): unknown {
      const held = this[heldOf]
      if (held) return read(held)
      return own ? own.value : below(this, name)
    },
    ...(own && { set: (value: unknown) => Object.assign(own, { value }) }),
  })

const method =
  (run: (held: HeldCalls) => void): Shadow =>
  (name, own) => ({
    configurable: true,
    writable: true,
    value(this: HeldResponse): void {
      const held = this[heldOf]
      if (held) run(held)
      else Reflect.apply((own ? own.value : below(this, name)) as () => void, this, [])
    },
  })

/** What the properties of a response are while it is held, and what its other methods do. */
const shadows = Object.entries<Shadow>({
  headersSent: property(() => true),
  writableNeedDrain: property((held) => held.needDrain && !held.ended),
  writableLength: property((held) => held.bytes),
  writableCorked: property((held) => held.corked),
  cork: method((held) => held.cork('cork')),
  uncork: method((held) => held.cork('uncork')),
  // Middleware that finds no header calls this to make one.
  _implicitHeader: method(() => {}),
})

// Responses of Node inherit these, and share a descriptor. Others have some as own properties.
const shared = new Map(shadows.map(([name, shadow]) => [name, shadow(name)]))

/** Defines the shadows, once. They stay, as removing them makes a slow object. */
export function defineShadows(res: HeldResponse): void {
  if (heldOf in res) return
  for (const [name, shadow] of shadows) {
    if (!(name in res)) continue
    const own = Object.hasOwn(res, name) ? { value: Reflect.get(res, name) } : undefined
    Object.defineProperty(res, name, own ? shadow(name, own) : (shared.get(name) as object))
  }
  res[heldOf] = undefined
}
