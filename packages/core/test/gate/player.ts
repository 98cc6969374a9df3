import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { callBadly, collection, copied, made, valueIn } from './arguments.ts'
import { hasNoBody, isUntimely, waits, withoutBody, withoutEmptyChunk } from './http2-limits.ts'
import type { Chunk, Headers, Step } from './program.ts'

const wide = 100_000

/** Makes the calls of one handler. */
export class Player {
  readonly #res: ServerResponse
  readonly #closed: Promise<void>
  readonly #told: string[]
  readonly #isHttp2: boolean
  #isBodyless = false
  #ended = false
  #count = 0
  #bytes = 0
  #corked = 0
  #hasHeaders = false
  #written: Promise<unknown> = Promise.resolve()

  constructor(res: ServerResponse, closed: Promise<void>, told: string[], isHttp2: boolean) {
    this.#res = res
    this.#isHttp2 = isHttp2
    this.#closed = closed
    this.#told = told
  }

  /** Whether the handler has ended the response. A held one does not say so itself: see the ninth of the departures. */
  get isEnded(): boolean {
    return this.#ended || this.#res.writableEnded
  }

  /** Makes one call, and tells how it went; a promise for the steps that wait alone. */
  play(step: Step): string | Promise<string> {
    try {
      const returned = this.#call(step)
      if (returned instanceof Promise) return returned.then(String, codeOf)
      if (returned === this.#res) return 'the response'
      // Whether a writer is told to wait after much was written is a matter of timing; that a drain follows is not.
      if (step.do === 'write' && this.#bytes > wide) return typeof returned
      return String(returned)
    } catch (error) {
      this.#hasHeaders = true
      return codeOf(error)
    }
  }

  #call(step: Step): unknown {
    const res = this.#res
    if (this.#isHttp2) step = withoutEmptyChunk(step)
    if (this.#isHttp2 && this.isEnded && isUntimely(step)) return
    this.#isBodyless ||= this.#isHttp2 && hasNoBody(res)
    // Such a stream is closed by its head: what is said of it then is a matter of timing.
    if (this.#isBodyless && res.headersSent && waits.has(step.do)) return
    if (this.#isBodyless) step = withoutBody(step)
    switch (step.do) {
      case 'setHeader':
      case 'appendHeader':
        this.#hasHeaders = true
        return res[step.do](step.entry[0], valueIn(step.entry) as string)
      case 'setHeaders':
        this.#hasHeaders = true
        return res.setHeaders(collection(step.as, step.entries))
      case 'removeHeader':
        return res.removeHeader(step.name)
      case 'statusCode':
        res.statusCode = step.code
        return
      case 'statusMessage':
        if (!this.#isHttp2) res.statusMessage = step.text
        return
      case 'writeHead':
        return this.#writeHead(step.status, step.reason, step.headers)
      case 'write':
        return this.#write(step.chunk, step.callback)
      case 'end':
        return this.#end(step.chunk, step.callback)
      case 'pipe':
      case 'pipe, left open':
      case 'pipeline':
        return this.#pipe(step.do, step.sizes)
      case 'addTrailers':
        // Too late; whether they still go along is a matter of timing.
        if (this.isEnded) return
        return res.addTrailers(Object.fromEntries(step.entries) as never)
      case 'writeEarlyHints':
        if (res.headersSent) return
        return res.writeEarlyHints({ link: '</a.css>; rel=preload', 'x-hint': '1' })
      case 'writeInformation':
        if (res.headersSent) return
        return (res as unknown as { writeInformation?: Information }).writeInformation?.(103, {
          'x-info': '1',
        })
      case 'writeContinue':
      case 'writeProcessing':
        if (res.headersSent) return
        return res[step.do]?.()
      case 'flushHeaders':
        return res.flushHeaders()
      case 'cork':
        if (this.isEnded) return
        this.#corked++
        return res.cork()
      case 'uncork':
        if (this.#corked === 0 || this.isEnded) return
        this.#corked--
        return res.uncork()
      case 'strictContentLength':
        if (!res.headersSent) res.strictContentLength = true
        return
      case 'microtask':
        return Promise.resolve('after it')
      case 'turn':
        return turn('after it')
      case 'drained':
        return this.#drained()
      case 'written':
        // What is corked is not written.
        return this.#corked > 0 ? undefined : this.#orClosed(this.#written)
      case 'bad':
        // See the sixth of the departures; and a reason is no error there.
        if (this.#isHttp2 && /^(?:write|end)\(|a reason/.test(step.call)) return
        return this.#orTakeBack(['X-Before'], () => callBadly(res, step.call))
    }
  }

  #writeHead(status: number, reason: string | undefined, headers: Headers | undefined): unknown {
    const res = this.#res
    const entries = headers?.entries ?? []
    const args: unknown[] = reason === undefined ? [status] : [status, reason]
    // See the fourth of the departures.
    if (headers?.form === 'object') args.push(Object.fromEntries(entries.map(copied)))
    else if (headers) {
      const pairs = entries.flatMap(([name, value]) => [value].flat().map((one) => [name, one]))
      args.push(headers.form === 'list of pairs' && !this.#hasHeaders ? pairs : pairs.flat())
    }
    return this.#orTakeBack(
      entries.map(([name]) => name),
      () => Reflect.apply(res.writeHead, res, args),
    )
  }

  // See the fifth of the departures.
  #orTakeBack(names: readonly string[], call: () => unknown): unknown {
    try {
      return call()
    } catch (error) {
      const res = this.#res
      if (res.headersSent) throw error
      for (const name of names) res.removeHeader(name)
      if (this.#isHttp2) res.statusCode = 200
      else res.statusMessage = ''
      throw error
    }
  }

  #write(chunk: Chunk, withCallback: boolean): boolean {
    const { data, encoding } = made(chunk)
    // Node does not wait for an empty one to be sent.
    const name = `write ${++this.#count}${data.length === 0 ? ' (empty)' : ''}`
    this.#bytes += chunk.size
    return withCallback
      ? this.#writeWithCallback(name, data, encoding)
      : this.#res.write(data, encoding as BufferEncoding)
  }

  #writeWithCallback(name: string, data: string | Uint8Array, encoding?: BufferEncoding): boolean {
    const { promise, resolve } = Promise.withResolvers<void>()
    const done = this.#teller(name, resolve)
    const more =
      encoding === undefined ? this.#res.write(data, done) : this.#res.write(data, encoding, done)
    this.#written = promise
    return more
  }

  #end(chunk: Chunk | undefined, withCallback: boolean): unknown {
    const { data, encoding }: Partial<ReturnType<typeof made>> = chunk ? made(chunk) : {}
    this.#bytes += chunk?.size ?? 0
    const name = this.isEnded ? 'a later end' : 'end'
    // What is written after the end is an error, or goes unheard when the response is closed by then.
    const isHeard = !data || !this.isEnded
    const done = withCallback ? (isHeard ? this.#teller(name) : () => {}) : undefined
    const returned = this.#callEnd(data, encoding, done)
    this.#ended = true
    return returned
  }

  #callEnd(data?: string | Uint8Array, encoding?: BufferEncoding, done?: () => void): unknown {
    const res = this.#res
    if (data === undefined) return res.end(done)
    if (encoding === undefined) return res.end(data, done)
    return done ? res.end(data, encoding, done) : res.end(data, encoding)
  }

  async #orClosed(pending: Promise<unknown>): Promise<string> {
    await Promise.race([pending, this.#closed])
    return 'after it'
  }

  #teller(name: string, then: () => void = () => {}): (error?: unknown) => void {
    return (error) => {
      // An end that follows the end is told that it has been, or that it was: a matter of timing.
      this.#told.push(error && name !== 'a later end' ? `${name}: ${codeOf(error)}` : name)
      then()
    }
  }

  async #pipe(how: 'pipe' | 'pipe, left open' | 'pipeline', sizes: readonly number[]) {
    const res = this.#res
    if (this.isEnded || res.destroyed) return
    while (this.#corked > 0) {
      this.#corked--
      res.uncork()
    }
    const source = Readable.from(sizes.map((size) => made({ as: 'Buffer', size }).data))
    this.#bytes += sizes.reduce((sum, size) => sum + size, 0)
    if (how === 'pipeline') {
      return this.#orClosed(pipeline(source, res))
    }
    const through = how === 'pipe' ? once(res, 'finish') : once(source, 'end')
    // What goes wrong is seen by its error event.
    const failed = once(res, 'error')
    source.pipe(res, { end: how === 'pipe' })
    await Promise.race([through, failed, this.#closed]).catch(() => {})
    return 'after it'
  }

  async #drained(): Promise<string> {
    const res = this.#res
    if (res.writableNeedDrain && !res.destroyed && this.#corked === 0) {
      await this.#orClosed(once(res, 'drain'))
    }
    return 'after it'
  }
}

type Information = (status: number, headers: object) => unknown

/** Class and code of an error. */
export function codeOf(error: unknown): string {
  const { code, name } = error as { code?: string; name?: string }
  return `${name} ${code}`
}
