import { type Awaitable, isThenable } from '../util/promises.ts'
import { putBack } from './cookie.ts'
import { ErrorResponse, refuse } from './error-response.ts'
import { checkFirst, HeldCalls, type OutputMethod, type OutputMethods } from './held-calls.ts'
import {
  cut,
  type HeadSnapshot,
  isClosed,
  linesOf,
  type NodeResponse,
  onClosed,
  restoreHead,
  snapshotHead,
} from './response-head.ts'

/** Acts before the first byte of a response, and perhaps before its end. */
export interface ResponseHook {
  /** Runs once, before the first byte. Sets headers on `res`. A promise holds the response. */
  beforeHeaders(res: NodeResponse): unknown
  /** Runs before the end of a response, also of an error response. Must not throw or reject. */
  beforeEnd?(): Awaitable<unknown>
  /** Answers through `res`, in place of the handler, when `beforeHeaders` failed. */
  onError(error: unknown, res: NodeResponse): unknown
  /** Receives the reason why the connection was cut, such as a held call that Node refused. */
  onCut?(error: unknown): void
}

/** A hook that has not acted yet. */
interface Post {
  readonly hook: ResponseHook
  /** The head of the response when the hook was added: an error is answered from there. */
  readonly entry: HeadSnapshot
  readonly earlier: Post | undefined
}

const gateOf: unique symbol = Symbol('scs.gate')

type Gated = NodeResponse & { [gateOf]?: ResponseGate; writeHeader?: unknown }

/** Adds a hook to the gate of `res`. Once the headers are sent, only its `beforeEnd` is called. */
export function guard(res: NodeResponse, hook: ResponseHook): ResponseGate {
  const gated = res as Gated
  const gate = gated[gateOf] ?? new ResponseGate(gated)
  gate.add(hook)
  return gate
}

/** Stands between the writers of one response and its methods. */
export class ResponseGate {
  readonly #res: Gated
  readonly #through: OutputMethods
  /**
   * `idle` before the first output call, also of an error response; held while a hook is pending.
   */
  #state: 'idle' | HeldCalls | 'open' = 'idle'
  /** The hook that acts next: the last one that was added. */
  #top: Post | undefined
  /** Hooks that act before the end. */
  #endings: readonly ResponseHook[] | undefined
  /** Cookies of hooks that are done: no header that is set later removes one of them. */
  #kept: Set<string> | undefined
  /** The hook that the response is, or was, held for. */
  #holder: ResponseHook | undefined
  #answer: ErrorResponse | undefined
  #isHandedOn = false
  #waiters: readonly (() => void)[] | undefined
  /** How many managers have added `Vary: Cookie`. */
  varyLines = 0
  /** Whether the handler has failed: no hook may commit anything. */
  abandoned = false

  constructor(res: Gated) {
    this.#res = res
    const { writeHead, write, end, flushHeaders } = res as unknown as OutputMethods
    this.#through = { writeHead, write, end, flushHeaders }
    res[gateOf] = this
    Object.assign(res, gatedMethods)
    // The old name, of HTTP/1 alone.
    if ('writeHeader' in res) res.writeHeader = gatedMethods.writeHead
  }

  add(hook: ResponseHook): void {
    if (!this.#res.headersSent) {
      this.#top = { hook, entry: snapshotHead(this.#res), earlier: this.#top }
    } else if (this.#state === 'idle') this.#state = 'open'
    if (hook.beforeEnd) this.#endings = this.#endings ? [...this.#endings, hook] : [hook]
  }

  /** Whether the response has been ended, or its connection is gone. */
  get isHandedOn(): boolean {
    return this.#isHandedOn || isClosed(this.#res)
  }

  /** Calls `listener` when {@link isHandedOn} becomes true. */
  whenHandedOn(listener: () => void): void {
    if (!this.#waiters) onClosed(this.#res, () => this.#settle())
    this.#waiters = this.#waiters ? [...this.#waiters, listener] : [listener]
  }

  /** Whether an output method has been called. */
  get begun(): boolean {
    return this.#state !== 'idle' || this.#answer !== undefined
  }

  /** Has the hooks act as at the first byte, for a response that is closed without output. */
  release(): void {
    this.#guarded(() => this.#ask())
  }

  /**
   * Has `onError` of `hook` answer in place of the handler, or cuts the connection after the first
   * output call. Gives whether `onError` was called. With `alone`, the other hooks do not act.
   */
  fail(hook: ResponseHook, error: unknown, alone: boolean): boolean {
    if (alone) this.abandoned = true
    if (this.#answer) return false
    let post = this.#top
    while (post && post.hook !== hook) post = post.earlier
    if (this.#state !== 'idle' || !post) {
      this.#drop(error)
      this.#abort()
      return false
    }
    this.#top = alone ? undefined : post.earlier
    this.#guarded(() => this.#replaceBy(post, error))
    return true
  }

  /** A call of an output method, by any writer. */
  call(method: OutputMethod, args: unknown[]): unknown {
    if (this.#isRefused) return refuse(this.#res, method, args)
    if (this.#state === 'idle') {
      args = checkFirst[method](this.#res, args)
      this.#ask()
      if (this.#isRefused) return refuse(this.#res, method, args)
    }
    if (this.#state instanceof HeldCalls) return this.#state[method](args)
    return method === 'end'
      ? this.#end(args)
      : Reflect.apply(this.#through[method], this.#res, args)
  }

  // After an error only calls of the error response have an effect.
  get #isRefused(): boolean {
    return this.#answer !== undefined && !this.#answer.isRunning
  }

  // Has the hooks act before the end, which is held until they are done.
  #end(args: unknown[]): unknown {
    const endings = this.#endings
    this.#endings = undefined
    let pending: unknown[] | undefined
    for (const hook of endings ?? []) {
      const ending = hook.beforeEnd?.()
      if (!isThenable(ending)) continue
      pending = [...(pending ?? []), ending]
      this.#holder = hook
    }
    if (!pending) {
      const returned = Reflect.apply(this.#through.end, this.#res, args)
      this.#settle()
      return returned
    }
    const held = new HeldCalls(this.#res)
    this.#state = held
    const proceed = () => {
      if (isClosed(this.#res)) this.#drop(new Error('the connection was closed'))
      else this.#open()
    }
    Promise.allSettled(pending).then(() => this.#guarded(proceed))
    return held.end(args)
  }

  // Has the hooks act, the last added first; holds the response until one is done.
  #ask(): void {
    if (this.#state === 'idle') this.#state = 'open'
    const res = this.#answer?.hookRes ?? this.#res
    // Replaced while the response was held, or dropped for an error response.
    if (this.#kept) putBack(res, this.#kept)
    for (let post = this.#top; post; post = this.#top) {
      this.#top = post.earlier
      const before = post.earlier && linesOf(this.#res, 'Set-Cookie')
      try {
        const pending = post.hook.beforeHeaders(res)
        if (isThenable(pending)) {
          this.#holdFor(post, pending, before)
          return
        }
      } catch (error) {
        this.#replaceBy(post, error)
        return
      }
      this.#keep(before)
    }
    this.#open()
  }

  #holdFor(post: Post, pending: PromiseLike<unknown>, before: readonly string[] | undefined): void {
    try {
      if (this.#state === 'open') this.#state = new HeldCalls(this.#res)
    } catch (error) {
      // This error is answered; a rejection would be unhandled.
      pending.then(undefined, () => {})
      throw error
    }
    this.#holder = post.hook
    const proceed = () => {
      this.#keep(before)
      this.#ask()
    }
    pending.then(
      () => this.#guarded(proceed),
      (error) => this.#guarded(() => this.#replaceBy(post, error)),
    )
  }

  // Opens the gate, and makes the held calls.
  #open(): void {
    const held = this.#state
    this.#state = 'open'
    if (!(held instanceof HeldCalls)) return
    this.#answer?.enter()
    try {
      held.release((method, args) => this.call(method, args))
    } finally {
      this.#answer?.leave()
    }
  }

  // `onError` answers, from the head that the response had when the hook was added.
  #replaceBy({ hook, entry }: Post, error: unknown): void {
    this.#drop(error)
    this.#state = 'idle'
    // Replaces wrappers, such as those of a compression: they have received bytes of the handler.
    Object.assign(this.#res, gatedMethods)
    const answer = new ErrorResponse(this.#res)
    this.#answer = answer
    const respond = () => {
      if (this.#res.headersSent) cut(this.#res)
      else restoreHead(answer.res, entry)
      return hook.onError(error, answer.res)
    }
    answer.give(respond, () => this.#abort())
  }

  // Remembers the cookies that a hook has added.
  #keep(before: readonly string[] | undefined): void {
    if (!before) return
    const added = linesOf(this.#res, 'Set-Cookie').filter((line) => !before.includes(line))
    if (added.length > 0) this.#kept = new Set([...(this.#kept ?? []), ...added])
  }

  #drop(error: unknown): void {
    const held = this.#state
    this.#state = 'open'
    if (held instanceof HeldCalls) held.drop(error)
  }

  #settle(): void {
    this.#isHandedOn = true
    const waiters = this.#waiters
    this.#waiters = undefined
    waiters?.forEach((waiter) => {
      waiter()
    })
  }

  // For calls by Node: an error must not end the process.
  #guarded(fn: () => void): void {
    try {
      fn()
    } catch (error) {
      this.#cut(error)
    }
  }

  // Nobody can catch the error. That a client has disconnected is none.
  #cut(error: unknown): void {
    const wasClosed = isClosed(this.#res)
    this.#abort()
    if (!wasClosed) this.#holder?.onCut?.(error)
  }

  #abort(): void {
    this.#settle()
    cut(this.#res)
  }
}

// Shared by all responses: a closure for each would cost more than the gate.
const gatedMethods = Object.fromEntries(
  (['writeHead', 'write', 'end', 'flushHeaders'] as const).map((method) => [
    method,
    function (this: Gated, ...args: unknown[]): unknown {
      return this[gateOf]?.call(method, args)
    },
  ]),
) as unknown as OutputMethods
