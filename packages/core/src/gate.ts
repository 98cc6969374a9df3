import { Answer } from './answer.ts'
import { type Awaitable, isThenable } from './awaitable.ts'
import { stayPrivate } from './cache-control.ts'
import { excluding, including, none } from './few.ts'
import {
  checkFirst,
  HeldCalls,
  type OutputMethod,
  type OutputMethods,
  outputMethods,
  refuse,
} from './held-calls.ts'
import {
  addLine,
  cut,
  type HeadSnapshot,
  isClosed,
  type NodeResponse,
  onClosed,
  restoreHead,
  snapshotHead,
} from './response-head.ts'

/** Acts before the first byte of a response, and perhaps before its end. */
export interface Keeper {
  /**
   * Runs once, before the first byte; the response is held while what it returns is pending. Headers are set on the `res`
   * that it is given.
   */
  beforeHeaders(res: NodeResponse): unknown
  /** Runs before the end of a response whose headers have been sent; what it returns must not reject. */
  beforeEnd?(): Awaitable<unknown>
  /** Answers through the `res` that it is given, in place of the handler, when `beforeHeaders` failed. */
  onError(error: unknown, res: NodeResponse): unknown
  /** Receives the reason why the connection was cut, such as a held call that Node has refused. */
  onCut?(error: unknown): void
}

interface Post {
  readonly keeper: Keeper
  /** The head of the response when the keeper came: an error is answered from there. */
  readonly entry: HeadSnapshot
  /** The one that was added before. */
  readonly below: Post | undefined
}

const gateOf: unique symbol = Symbol('scs.gate')

type Gated = NodeResponse & { [gateOf]?: Gate; writeHeader?: unknown }

/** Adds a keeper to the gate of `res`. When the headers have left, only its `beforeEnd` will be called. */
export function guard(res: NodeResponse, keeper: Keeper): Gate {
  const gated = res as Gated
  const gate = gated[gateOf] ?? new Gate(gated)
  gate.add(keeper)
  return gate
}

/**
 * Stands between the writers of one response and its methods. `idle` until the first byte wants out, `held` while a
 * keeper is at work, then `open`. After an error it is `idle` again for the answer, and deaf to everybody else.
 */
export class Gate {
  readonly #res: Gated
  readonly #through: OutputMethods
  /** The last added; it acts first. */
  #top: Post | undefined
  #endings: readonly Keeper[] = none
  /** Cookies of keepers that are done: what is set before the first byte leaves takes none of them away. */
  #kept: readonly string[] = none
  #state: 'idle' | 'held' | 'open' = 'idle'
  #held: HeldCalls | undefined
  /** Whether the call that decides over the head is still to come. */
  #awaitsHead = true
  /** For whom calls are, or were, held. */
  #holder: Keeper | undefined
  #ending: Promise<unknown> | undefined
  /** The error response; only its calls take effect. */
  #answer: Answer | undefined
  /** How many managers have added `Vary: Cookie`. */
  varyLines = 0
  #isHandedOn = false
  #waiters: readonly (() => void)[] = none
  /** Above zero while one of the response's own methods runs: Node calls some of them from others. */
  #inside = 0

  /** Whether the handler has failed: no keeper has anything to commit any more. */
  abandoned = false

  constructor(res: Gated) {
    this.#res = res
    const { writeHead, write, end, flushHeaders } = res as unknown as OutputMethods
    this.#through = { writeHead, write, end, flushHeaders }
    res[gateOf] = this
    this.#install()
    // The old name, of HTTP/1 alone.
    if ('writeHeader' in res) res.writeHeader = gatedMethods.writeHead
  }

  add(keeper: Keeper): void {
    if (!this.#res.headersSent) {
      this.#top = { keeper, entry: snapshotHead(this.#res), below: this.#top }
    } else if (this.#state === 'idle') {
      this.#state = 'open'
      this.#awaitsHead = false
    }
    if (keeper.beforeEnd) this.#endings = including(this.#endings, keeper)
  }

  /** Whether the response has been ended, or never will be, as its connection is gone. */
  get isHandedOn(): boolean {
    return this.#isHandedOn || isClosed(this.#res)
  }

  /** Calls `listener` when {@link isHandedOn} becomes true. */
  whenHandedOn(listener: () => void): void {
    if (this.#waiters.length === 0) onClosed(this.#res, () => this.#settle())
    this.#waiters = [...this.#waiters, listener]
  }

  /** Whether something of the response has wanted out. */
  get begun(): boolean {
    return this.#state !== 'idle' || this.#answer !== undefined
  }

  /** Does what the first byte would have set off, for a response that nobody will ever write to. */
  release(): void {
    this.#guarded(() => this.#ask(false))
  }

  /**
   * `onError` of `keeper` answers in place of the handler, when nothing has wanted out yet; otherwise the connection is
   * cut. Tells whether `onError` was called. The other keepers act before the answer's first byte, or, with
   * `alone`, not at all.
   */
  fail(keeper: Keeper, error: unknown, alone: boolean): boolean {
    if (alone) this.abandoned = true
    if (this.#answer) return false
    let post = this.#top
    while (post && post.keeper !== keeper) post = post.below
    if (this.#state !== 'idle' || !post) {
      this.#drop(error)
      this.#settle()
      cut(this.#res)
      return false
    }
    this.#top = alone ? undefined : post.below
    if (alone) this.#endings = none
    this.#guarded(() => this.#replaceBy(post, error))
    return true
  }

  /** One call of an output method, by whoever makes it. */
  call(method: OutputMethod, args: unknown[]): unknown {
    if (this.#inside > 0) return this.#pass(method, args)
    if (this.#deaf()) return refuse(this.#res, method, args)
    if (this.#awaitsHead) args = this.#checkFirst(method, args)
    this.#awaitsHead = false
    if (method === 'end') this.#answer?.ended()
    if (this.#state === 'idle') {
      this.#putKept()
      this.#ask(method === 'end')
      if (this.#deaf()) return refuse(this.#res, method, args)
    }
    if (!this.#held && method === 'end' && !this.#mayEnd()) {
      this.#held = new HeldCalls(this.#res)
      this.#resumeAfterEnding()
    }
    return this.#held ? this.#hold(this.#held, method, args) : this.#pass(method, args)
  }

  #checkFirst(method: OutputMethod, args: unknown[]): unknown[] {
    const answer = this.#answer?.enter()
    try {
      return checkFirst(this.#res, method, args)
    } finally {
      answer?.leave()
    }
  }

  #hold(held: HeldCalls, method: OutputMethod, args: unknown[]): unknown {
    const answer = this.#answer?.enter()
    try {
      return held.add(method, args)
    } finally {
      answer?.leave()
    }
  }

  // After an error only the calls of the answer take effect, not those of the handler that it replaces. What the gate itself
  // does to the response, between `enter` and `leave`, is part of the answer.
  #deaf(): boolean {
    return this.#answer !== undefined && !this.#answer.isRunning
  }

  // For what Node calls: an error must not end the process.
  #guarded(fn: () => void): void {
    try {
      fn()
    } catch (error) {
      this.#cut(error)
    }
  }

  #install(): void {
    Object.assign(this.#res, gatedMethods)
  }

  // Assigned, as `delete` would make a slow object of the response. A wrapper that came later stays: it calls the
  // gated method, which passes.
  #uninstall(): void {
    const res = this.#res as unknown as OutputMethods
    for (const method of outputMethods) {
      if (method === 'end' && this.#endings.length > 0) continue
      if (res[method] === gatedMethods[method]) res[method] = this.#through[method]
    }
  }

  #pass(method: OutputMethod, args: unknown[]): unknown {
    const answer = this.#answer?.enter()
    this.#inside++
    try {
      return Reflect.apply(this.#through[method], this.#res, args)
    } finally {
      this.#inside--
      answer?.leave()
      if (method === 'end') this.#settle()
    }
  }

  #settle(): void {
    this.#isHandedOn = true
    for (const waiter of this.#waiters) waiter()
    this.#waiters = none
  }

  // Lets the keepers act, the last added first; opens the gate, or holds it until one is done. `ends`: for an `end`, after
  // which nothing more comes.
  #ask(ends: boolean): void {
    this.#state = 'held'
    for (let post = this.#top; post; post = this.#top) {
      this.#top = post.below
      const before = post.below ? this.#cookies() : none
      try {
        const pending = post.keeper.beforeHeaders(this.#face)
        if (isThenable(pending)) {
          this.#holdFor(post, pending)
          return
        }
      } catch (error) {
        this.#replaceBy(post, error)
        return
      }
      if (post.below) this.#keep(before)
    }
    this.#open(ends)
  }

  #holdFor(post: Post, pending: PromiseLike<unknown>): void {
    let before: readonly string[] = none
    try {
      if (post.below) before = this.#cookies()
      this.#held ??= new HeldCalls(this.#res)
    } catch (error) {
      // A response that cannot be held: the error is answered, whatever comes of this.
      pending.then(undefined, () => {})
      throw error
    }
    this.#holder = post.keeper
    pending.then(
      () =>
        this.#guarded(() => {
          this.#putKept()
          if (post.below) this.#keep(before)
          this.#ask(false)
        }),
      (error) => this.#guarded(() => this.#replaceBy(post, error)),
    )
  }

  get #face(): NodeResponse {
    return this.#answer?.keeperRes ?? this.#res
  }

  #cookies(): readonly string[] {
    return [this.#res.getHeader('Set-Cookie') ?? []].flat().map(String)
  }

  // Remembers the cookies that are there now, and were not before.
  #keep(before: readonly string[]): void {
    for (const line of this.#cookies()) {
      if (!before.includes(line)) this.#kept = including(this.#kept, line)
    }
  }

  // Whoever writes to a response that is held may replace them; an answer to an error starts without them.
  #putKept(): void {
    if (this.#kept.length === 0) return
    const present = this.#cookies()
    for (const line of this.#kept) {
      if (!present.includes(line)) addLine(this.#face, 'Set-Cookie', line)
    }
    stayPrivate(this.#face)
  }

  #open(ends: boolean): void {
    this.#state = 'open'
    if (!this.#answer && !ends) this.#uninstall()
    const held = this.#held
    if (!held) return
    this.#held = undefined
    if (this.#release(held)) return
    this.#held = held
    this.#resumeAfterEnding()
  }

  #release(held: HeldCalls): boolean {
    const answer = this.#answer?.enter()
    try {
      return held.release(
        (method, args) => this.#pass(method, args),
        () => this.#mayEnd(),
        (error) => this.#cut(error),
      )
    } finally {
      answer?.leave()
    }
  }

  // The caller has long returned, and bytes may have left. That a client has gone is no error.
  #cut(error: unknown): void {
    this.#settle()
    if (isClosed(this.#res)) return
    cut(this.#res)
    this.#holder?.onCut?.(error)
  }

  // Asks the keepers whether something must be done before the end.
  #mayEnd(): boolean {
    const endings = this.#endings
    this.#endings = none
    let pending: readonly unknown[] = none
    for (const keeper of endings) {
      const ending = keeper.beforeEnd?.()
      if (!isThenable(ending)) continue
      pending = [...pending, ending]
      this.#holder = keeper
    }
    this.#ending = pending.length > 0 ? Promise.allSettled(pending) : undefined
    return this.#ending === undefined
  }

  #resumeAfterEnding(): void {
    this.#ending?.then(() =>
      this.#guarded(() => {
        if (isClosed(this.#res)) this.#drop(new Error('the connection was closed'))
        else this.#open(false)
      }),
    )
  }

  #drop(error: unknown): void {
    this.#held?.drop(error)
    this.#held = undefined
  }

  // Runs `onError` in the handler's place, from the head that the response had on entry.
  #replaceBy({ keeper, entry }: Post, error: unknown): void {
    this.#drop(error)
    this.#endings = excluding(this.#endings, keeper)
    this.#state = 'idle'
    this.#awaitsHead = true
    // Wrappers that came after the gate (a compression's, say) have seen the handler's bytes: the answer goes past them.
    this.#install()
    const answer = Answer.to(this.#res)
    this.#answer = answer
    const respond = () => {
      if (this.#res.headersSent) cut(this.#res)
      else restoreHead(answer.res, entry)
      return keeper.onError(error, answer.res)
    }
    answer.give(respond, () => {
      this.#settle()
      cut(this.#res)
    })
  }
}

// Shared by all responses: a closure for each would cost more than the whole gate.
const gatedMethods = Object.fromEntries(
  outputMethods.map((method) => [
    method,
    function (this: Gated, ...args: unknown[]): unknown {
      return this[gateOf]?.call(method, args)
    },
  ]),
) as unknown as OutputMethods
