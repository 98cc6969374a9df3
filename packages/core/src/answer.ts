import { AsyncLocalStorage } from 'node:async_hooks'
import { isThenable } from './awaitable.ts'
import { defineShadows, type OutputMethod, refuse } from './held-calls.ts'
import { below, cut, isHttp2, type NodeResponse } from './response-head.ts'

type Listener = (...args: unknown[]) => unknown

const speaking = new AsyncLocalStorage<Answer | undefined>()
const answerOf: unique symbol = Symbol('scs.answer')

type Answered = NodeResponse & { [answerOf]?: Answer }

/** What changes a head, sends something before it, or keeps the rest from being sent. */
const heardMethods = [
  ...['setHeader', 'appendHeader', 'setHeaders', 'removeHeader', 'addTrailers', 'setTrailer'],
  ...['writeContinue', 'writeProcessing', 'writeEarlyHints', 'writeInformation', 'destroy'],
  ...['cork', 'uncork'],
]

/**
 * An answer to an error. The handler that it replaces may still be at work: the two are told apart by their asynchronous
 * context, and the response hears the answer alone.
 */
export class Answer {
  readonly #res: NodeResponse
  /** How many of those that it replaces may still call `end`. */
  #openEnds: number
  #refused = false

  /**
   * The answer that `res` hears from now on; of several the last. Output is the gate's affair. `ended`: whom it replaces
   * has called `end`, or never will.
   */
  static to(res: NodeResponse, ended: boolean): Answer {
    const answered = res as Answered
    const before = answered[answerOf]
    const answer = new Answer(res, (before ? before.#openEnds : 0) + (ended ? 0 : 1))
    answered[answerOf] = answer
    if (!before) makeDeaf(answered)
    return answer
  }

  private constructor(res: NodeResponse, openEnds: number) {
    this.#res = res
    this.#openEnds = openEnds
  }

  /** Has `fn` answer. What it leaves open is ended; when it fails, the connection is cut. */
  give(fn: () => unknown): void {
    this.run(() => {
      const abort = () => cut(this.#res)
      try {
        const pending = fn()
        if (isThenable(pending)) pending.then(() => this.#finish(), abort)
        else this.#finish()
      } catch {
        abort()
      }
    })
  }

  /**
   * Hears of a call that was refused as it came from outside of the answer. When that has not `begun`, an `end` too many is
   * its own, from a callback that has lost its asynchronous context: it may be waiting for just that end.
   */
  refused(method: OutputMethod, begun: boolean): void {
    this.#refused = true
    if (method !== 'end') return
    if (this.#openEnds > 0) this.#openEnds--
    else if (!begun) this.run(() => this.#finish())
  }

  /** Runs `fn`, and what it sets off, as part of the answer. */
  run<T>(fn: () => T): T {
    return speaking.run(this, fn)
  }

  /** Whether who calls is part of the answer. */
  get isSpeaking(): boolean {
    return speaking.getStore() === this
  }

  #finish(): void {
    const res = this.#res
    if (res.writableEnded) return
    // What was refused may have been the answer: an empty one is no success.
    if (this.#refused && !res.headersSent) res.statusCode = Math.max(res.statusCode, 500)
    res.end()
  }
}

function makeDeaf(res: Answered): void {
  defineShadows(res)
  for (const name of heardMethods) hearMethod(res, name)
  // HTTP/2 has no message, and warns when it is set.
  const properties = ['statusCode', 'sendDate', ...(isHttp2(res) ? [] : ['statusMessage'])]
  for (const name of properties) hearProperty(res, name)
  tellApart(res)
}

function hears({ [answerOf]: answer }: Answered): boolean {
  return answer?.isSpeaking === true
}

function hearMethod(res: Answered, name: string): void {
  const method: unknown = Reflect.get(res, name)
  if (typeof method !== 'function') return
  const heard = (...args: unknown[]): unknown =>
    hears(res) ? Reflect.apply(method, res, args) : refuse(res, name, args)
  Object.assign(res, { [name]: heard })
}

function hearProperty(res: Answered, name: string): void {
  const isOwn = !isHttp2(res)
  let value: unknown = Reflect.get(res, name)
  Object.defineProperty(res, name, {
    configurable: true,
    enumerable: isOwn,
    get: () => (isOwn ? value : below(res, name)),
    set(to: unknown) {
      if (!hears(res)) return
      if (isOwn) value = to
      else Reflect.set(Object.getPrototypeOf(res), name, to, res)
    },
  })
}

// An event comes in the context of whatever set it off: `drain`, on a pipelined connection, in that of the response
// before. Listeners that the answer adds are part of it, all others are not.
function tellApart(res: Answered): void {
  const { emit, on, once } = res as unknown as Record<'emit' | 'on' | 'once', Listener>
  const add = (event: unknown, listener: Listener): unknown =>
    Reflect.apply(on, res, [event, hears(res) ? partOf(res, listener) : listener])
  const addOnce = (event: string, listener: Listener): unknown => {
    if (!hears(res)) return Reflect.apply(once, res, [event, listener])
    const told = partOf(res, listener, () => res.removeListener(event, told))
    return Reflect.apply(on, res, [event, told])
  }
  Object.assign(res, {
    emit: (...args: unknown[]) => speaking.run(undefined, () => Reflect.apply(emit, res, args)),
    on: add,
    addListener: add,
    once: addOnce,
  })
}

// With `listener` under the name by which Node finds one that is to be removed.
function partOf(res: Answered, listener: Listener, before: () => void = () => {}): Listener {
  const answer = res[answerOf]
  const told = (...args: unknown[]): unknown => {
    before()
    return answer?.run(() => Reflect.apply(listener, res, args))
  }
  return Object.assign(told, { listener })
}
