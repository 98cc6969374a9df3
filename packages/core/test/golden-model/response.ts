// The response of a request in the model: its head, what has been sent of it, and who acts before its first byte.

import { Failure } from './store.ts'

/** Header lines, in order. */
export class Head {
  readonly #lines: (readonly [name: string, value: string])[]

  constructor(lines: readonly (readonly [string, string])[] = []) {
    this.#lines = [...lines]
  }

  copy(): Head {
    return new Head(this.#lines)
  }

  lines(name: string): string[] {
    const lower = name.toLowerCase()
    return this.#lines.filter(([other]) => other.toLowerCase() === lower).map(([, value]) => value)
  }

  all(): readonly (readonly [string, string])[] {
    return this.#lines
  }

  add(name: string, value: string): void {
    this.#lines.push([name, value])
  }

  set(name: string, ...values: string[]): void {
    this.remove(name)
    for (const value of values) this.add(name, value)
  }

  remove(name: string): void {
    const lower = name.toLowerCase()
    const kept = this.#lines.filter(([other]) => other.toLowerCase() !== lower)
    this.#lines.splice(0, this.#lines.length, ...kept)
  }
}

const notice = 'no-cache="Set-Cookie"'
const targeted = /-cache-control$|^(?:surrogate-control|edge-control|x-accel-expires)$/i

/** Makes what a head allows caches to share private: for a response with a session cookie. */
export function keepPrivate(head: Head): void {
  let allowed = head.lines('Expires').length > 0
  for (const [name, value] of [...head.all()]) {
    if (!targeted.test(name) || /(?:^|[\s,])(?:private|no-store)(?:[\s,]|$)|^0$/i.test(value))
      continue
    head.remove(name)
    allowed = true
  }
  const lines = head.lines('Cache-Control')
  const directives = lines.map((line) =>
    line
      .split(',')
      .map((text) => text.trim())
      .filter(Boolean),
  )
  const theirs = directives.flat().filter((text) => text !== notice)
  const isPrivate = theirs.some((text) => /^(?:private|no-store)$/i.test(text))
  if (isPrivate || (theirs.length === 0 && !allowed)) {
    head.add('Cache-Control', notice)
    return
  }
  const [first = [], ...others] = directives.map((line) =>
    line.filter((text) => !/^(?:public|s-maxage)(?:\s*=|$)/i.test(text)),
  )
  const kept = [['private', ...first], ...others].filter((line) => line.length > 0)
  head.set('Cache-Control', ...kept.map((line) => line.join(', ')), notice)
}

/** Who acts before the first byte: one manager around the handler. */
export interface ResponseHook {
  /** The head when it came. */
  readonly entry: Head
  /** Commits, and sets its cookie. */
  save(): void
  /** Answers an error of it. */
  answer(error: unknown): void
  /** Commits late changes; throws when that fails. */
  saveLate(): void
  failed: boolean
}

/** A response. The innermost hook acts first. */
export class ModelResponse {
  head: Head
  status = 200
  body = ''
  readonly informational: { status: number }[] = []
  /** The head as it was sent; `undefined` before. */
  sent: Head | undefined
  sentStatus = 0
  isCut = false
  /** Whether the head is with the client. */
  isFlushed = false
  /** Whether an error was answered in place of the handler, which is not heard any more. */
  isDeaf = false
  readonly hooks: ResponseHook[] = []
  /** Every hook, the outermost first. */
  readonly visits: ResponseHook[] = []
  #endings: ResponseHook[] = []
  #isAbandoned = false
  #kept: string[] = []
  /** Who answers an error, the last that has; and whose code is running. */
  #answering: ResponseHook | undefined
  #running: ResponseHook | undefined
  readonly #isClean: boolean

  constructor(outer: readonly (readonly [string, string])[], isClean: boolean) {
    this.head = new Head(outer)
    this.#isClean = isClean
  }

  /** Whether what is running now is heard: after an error, the answer to it alone. */
  get hears(): boolean {
    return !this.isDeaf || this.#running === this.#answering
  }

  add(hook: ResponseHook): void {
    this.hooks.push(hook)
    this.visits.push(hook)
    this.#endings.push(hook)
  }

  /** The commit point: each hook acts once. */
  leave(): void {
    if (this.#isClean) this.#putKept()
    for (let hook = this.hooks.pop(); hook; hook = this.hooks.pop()) {
      const before = this.head.lines('Set-Cookie')
      try {
        hook.save()
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        this.fail(hook, error)
        if (this.#isClean) return
        continue
      }
      if (this.hooks.length > 0 && this.#isClean) this.#keep(before)
    }
  }

  /** `hook` answers an error, from the head that it came to; or, as SCS, where the handler has got to. */
  fail(hook: ResponseHook, error: unknown): void {
    hook.failed = true
    if (this.#isClean) {
      this.#endings = this.#endings.filter((other) => other !== hook)
      this.head = hook.entry.copy()
      this.status = 200
      this.isDeaf = true
    }
    const before = this.#running
    this.#running = hook
    this.#answering = hook
    hook.answer(error)
    this.#running = before
  }

  /** No hook acts any more. */
  abandon(): void {
    this.hooks.length = 0
    this.#endings = []
    this.#isAbandoned = true
  }

  /** Sends the head as it is. */
  freeze(status = this.status): void {
    if (this.sent !== undefined) return
    this.sent = this.head.copy()
    this.sentStatus = status
    this.status = status
  }

  /** What the last that answers an error has to do at the end. */
  atEnd: () => void = () => {}

  /** Runs what is to be done before the end. */
  end(): void {
    this.leave()
    this.#running = this.#answering
    this.atEnd()
    this.freeze()
    const endings = this.#endings
    this.#endings = []
    for (const hook of endings) this.#saveLate(hook)
  }

  /** After the end: changes that came later still. */
  close(): void {
    if (this.#isAbandoned) return
    const { isCut } = this
    for (const hook of this.visits) this.#saveLate(hook)
    this.isCut = isCut
  }

  #saveLate(hook: ResponseHook): void {
    if (hook.failed) return
    try {
      hook.saveLate()
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      hook.failed = true
      this.isCut = true
    }
  }

  #keep(before: readonly string[]): void {
    const added = this.head.lines('Set-Cookie').filter((line) => !before.includes(line))
    this.#kept.push(...added)
  }

  // Cookies of hooks that are done survive an answer that starts anew.
  #putKept(): void {
    const present = this.head.lines('Set-Cookie')
    const missing = this.#kept.filter((line) => !present.includes(line))
    if (missing.length === 0) return
    for (const line of missing) this.head.add('Set-Cookie', line)
    keepPrivate(this.head)
  }
}
