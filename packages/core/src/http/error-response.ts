import type { ServerResponse } from 'node:http'
import { second } from '../duration.ts'
import { isThenable } from '../util/promises.ts'
import { defineShadows, drain, isEnded, tell } from './held-calls.ts'
import { below, cut, isClosed, isHttp2, type NodeResponse, onClosed } from './response-head.ts'

const answerOf: unique symbol = Symbol('scs.answer')

type Answered = NodeResponse & { [answerOf]?: ErrorResponse }

/** How long an answer that returned nothing may take to end the response. */
export const longestAnswer: number = 5 * second

/** Methods that change the head, send something before it, or keep the rest from being sent. */
const guardedMethods = [
  ...['setHeader', 'appendHeader', 'setHeaders', 'removeHeader', 'addTrailers', 'setTrailer'],
  ...['writeContinue', 'writeProcessing', 'writeEarlyHints', 'writeInformation', 'destroy'],
  ...['cork', 'uncork'],
]

/**
 * The answer to an error, in place of a handler that may still be running. It is made through
 * {@link res}, another face of the same response; calls on the response itself take no effect any
 * more.
 */
export class ErrorResponse {
  readonly res: NodeResponse
  /** The face for what hooks add to the answer, also when the time for it is over. */
  readonly hookRes: NodeResponse
  readonly #raw: NodeResponse
  #running = 0
  /** The response was ended in place of the answer: its later calls take no effect. */
  #isOver = false

  /** From now on, only calls of this answer take effect on `res`. */
  constructor(res: NodeResponse) {
    this.#raw = res
    this.res = this.#face(() => this.#isOver)
    this.hookRes = this.#face(() => false)
    const answered = res as Answered
    const isFirst = answered[answerOf] === undefined
    answered[answerOf] = this
    if (isFirst) guardResponse(answered)
  }

  /**
   * Has `respond` answer. A promise is awaited; otherwise the answer may also end in a callback,
   * within five seconds. A response that is then still open is ended, with a status of at least
   * 500, or cut when an answer without a promise has begun. When `respond` fails, `abort` is
   * called.
   */
  give(respond: () => unknown, abort: () => void): void {
    const failed = () => {
      if (!this.#isReplaced) abort()
    }
    try {
      const pending = respond()
      if (isThenable(pending)) pending.then(() => this.#finish(false), failed)
      else if (!isEnded(this.#raw)) this.#wait()
    } catch {
      failed()
    }
  }

  // Another error response takes over when the commit of an outer manager fails.
  get #isReplaced(): boolean {
    return (this.#raw as Answered)[answerOf] !== this
  }

  /** Whether a call that is made now is part of the answer. */
  get isRunning(): boolean {
    return this.#running > 0
  }

  /** Until {@link leave}, calls are part of the answer. */
  enter(): void {
    this.#running++
  }

  /** Ends what {@link enter} began. */
  leave(): void {
    this.#running--
  }

  // Methods have the face as `this`: a template that is rendered later calls `send` on it.
  #face(isOver: () => boolean): NodeResponse {
    const speak = <T>(fn: () => T): T => {
      if (isOver()) return fn()
      this.enter()
      try {
        return fn()
      } finally {
        this.leave()
      }
    }
    const face: NodeResponse = new Proxy(this.#raw, {
      get: (raw, name) => {
        const value: unknown = Reflect.get(raw, name, face)
        return typeof value === 'function' && name !== 'constructor' ? heard(value) : value
      },
      set: (raw, name, value) => speak(() => Reflect.set(raw, name, value)),
    })
    // A function may have properties, as Express's `res.app` has.
    const heard = (method: object): unknown =>
      new Proxy(method as () => unknown, {
        apply: (method, self: unknown = face, args) => {
          const returned: unknown = speak(() => Reflect.apply(method, self, args))
          return returned === this.#raw ? face : returned
        },
      })
    return face
  }

  #wait(): void {
    const timer = setTimeout(() => this.#finish(true), longestAnswer).unref()
    onClosed(this.#raw, () => clearTimeout(timer))
  }

  #finish(isLate: boolean): void {
    const { res } = this
    if (isClosed(res) || this.#isReplaced) return
    try {
      if (isEnded(res)) return
      // A part of an answer must not look complete.
      if (isLate && res.headersSent) cut(res)
      else {
        if (!res.headersSent) res.statusCode = Math.max(res.statusCode, 500)
        res.end()
      }
    } catch {
      cut(res)
    }
    this.#isOver = true
  }
}

/**
 * What a call returns that has no effect, after an error. A writer that waits for `drain` goes on
 * in a later turn, so that a producer without I/O lets others run. A closed response has no
 * `drain`, as with Node.
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

// HTTP/2 has no message, and warns when it is set.
function guardResponse(res: Answered): void {
  defineShadows(res)
  for (const name of guardedMethods) guardMethod(res, name)
  const properties = ['statusCode', 'sendDate', ...(isHttp2(res) ? [] : ['statusMessage'])]
  for (const name of properties) guardProperty(res, name)
}

function isAnswering({ [answerOf]: answer }: Answered): boolean {
  return answer?.isRunning === true
}

function guardMethod(res: Answered, name: string): void {
  const method: unknown = Reflect.get(res, name)
  if (typeof method !== 'function') return
  const guarded = (...args: unknown[]): unknown =>
    isAnswering(res) ? Reflect.apply(method, res, args) : refuse(res, name, args)
  Object.assign(res, { [name]: guarded })
}

function guardProperty(res: Answered, name: string): void {
  const isInherited = isHttp2(res)
  let value: unknown = Reflect.get(res, name)
  Object.defineProperty(res, name, {
    configurable: true,
    enumerable: !isInherited,
    get: () => (isInherited ? below(res, name) : value),
    set(to: unknown) {
      if (!isAnswering(res)) return
      if (isInherited) Reflect.set(Object.getPrototypeOf(res), name, to, res)
      else value = to
    },
  })
}

/** A plain 500, as SCS's default ErrorFunc. */
export function answerWithInternalServerError(res: ServerResponse): void {
  res.statusCode = 500
  res.setHeader('Content-Type', 'text/plain; charset=utf-8')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.end('Internal Server Error\n')
}
