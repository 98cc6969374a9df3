import { isThenable } from './awaitable.ts'
import { second } from './duration.ts'
import { defineShadows, refuse } from './held-calls.ts'
import { below, cut, isClosed, isHttp2, type NodeResponse, onClosed } from './response-head.ts'

const answerOf: unique symbol = Symbol('scs.answer')

type Answered = NodeResponse & { [answerOf]?: Answer }

/** How long an answer that returned nothing may take to end the response. */
const longestAnswer = 5 * second

/** Methods that change the headers, send something before them, or keep the rest from being sent. */
const guardedMethods = [
  ...['setHeader', 'appendHeader', 'setHeaders', 'removeHeader', 'addTrailers', 'setTrailer'],
  ...['writeContinue', 'writeProcessing', 'writeEarlyHints', 'writeInformation', 'destroy'],
  ...['cork', 'uncork'],
]

/**
 * An answer to an error, in place of a handler that may still be running. It is given {@link res}, another face of the
 * same response; calls through the face that the handler has take no effect any more.
 */
export class Answer {
  readonly res: NodeResponse
  /** The face for what keepers add to the answer, also when the time for it is over. */
  readonly keeperRes: NodeResponse
  readonly #raw: NodeResponse
  #running = 0
  #ended = false
  /** The manager has ended the response itself: what comes later takes no effect. */
  #isOver = false
  #timer: NodeJS.Timeout | undefined

  /** Makes an answer, whose calls alone take effect on `res` from now on. */
  static to(res: NodeResponse): Answer {
    const answered = res as Answered
    const isFirst = answered[answerOf] === undefined
    const answer = new Answer(res)
    answered[answerOf] = answer
    if (isFirst) guardResponse(answered)
    return answer
  }

  private constructor(res: NodeResponse) {
    this.#raw = res
    this.res = this.#face(() => this.#isOver)
    this.keeperRes = this.#face(() => false)
  }

  /**
   * Lets `fn` answer. A promise is awaited; otherwise the answer may also end in a callback, within five seconds. What
   * is then still open is ended, with a status of at least 500, or cut when an answer without a promise has begun. When `fn` fails, `abort` is called.
   */
  give(fn: () => unknown, abort: () => void): void {
    try {
      const pending = fn()
      if (isThenable(pending)) pending.then(() => this.#finish(), abort)
      else if (!this.#ended) this.#wait()
    } catch {
      abort()
    }
  }

  /** Whether a call that is made now is part of the answer. */
  get isRunning(): boolean {
    return this.#running > 0
  }

  /** Until {@link leave}, calls are part of the answer. */
  enter(): this {
    this.#running++
    return this
  }

  /** Ends what {@link enter} began. */
  leave(): void {
    this.#running--
  }

  /** The answer has called `end`. */
  ended(): void {
    this.#ended = true
    clearTimeout(this.#timer)
  }

  // Methods keep the face as their `this`: a template that is rendered later calls `send` through it.
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
    this.#timer = setTimeout(() => this.#finish(true), longestAnswer).unref()
    onClosed(this.#raw, () => clearTimeout(this.#timer))
  }

  #finish(isLate = false): void {
    if (this.#ended || isClosed(this.#raw)) return
    const { res } = this
    try {
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

function guardResponse(res: Answered): void {
  defineShadows(res)
  for (const name of guardedMethods) guardMethod(res, name)
  // HTTP/2 has no message, and warns when it is set.
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
  const isOwn = !isHttp2(res)
  let value: unknown = Reflect.get(res, name)
  Object.defineProperty(res, name, {
    configurable: true,
    enumerable: isOwn,
    get: () => (isOwn ? value : below(res, name)),
    set(to: unknown) {
      if (!isAnswering(res)) return
      if (isOwn) value = to
      else Reflect.set(Object.getPrototypeOf(res), name, to, res)
    },
  })
}
