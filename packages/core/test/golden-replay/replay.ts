import { setTimeout as sleep } from 'node:timers/promises'
import { Expectation } from '../golden-model/expectation.ts'
import type { Operation } from '../golden-server/operations.ts'
import { timeText } from '../golden-server/typed-values.ts'
import { send } from './client.ts'
import { compareOut } from './compare.ts'
import { Jar } from './jar.ts'
import { Placeholders } from './placeholders.ts'
import type { CallEntry, Out, RequestSpec, RowEntry, Step, Transcript } from './transcript.ts'

/** What a replay found. */
export interface Replayed {
  /** What differs, one line each; empty when everything is as expected. */
  readonly differences: readonly string[]
  /** By how many seconds the replay fell behind the recording. */
  readonly lag: number
  /** How many fields were compared. */
  readonly fields: number
  /** Which departures of golden-model/dialect.ts made a difference, each as often as it did. */
  readonly departures: readonly string[]
  /** What the model of SCS says otherwise than SCS did, one line each. */
  readonly misread: readonly string[]
}

const comparedHeaders = /^(?:location|x-(?!content-type-options).*)$/i

/** Plays a transcript to the server at `url`, and compares what comes with what SCS answered. */
export async function replay(transcript: Transcript, url: string): Promise<Replayed> {
  return new Replay(transcript, url).run()
}

class Replay {
  readonly #transcript: Transcript
  readonly #url: string
  readonly #placeholders = new Placeholders()
  readonly #jars = new Map<string, Jar>()
  readonly #expectation: Expectation
  readonly #messages = new Set<string>()
  readonly #applied: string[] = []
  readonly #misread: string[] = []
  readonly #differences: string[] = []
  readonly #started = Date.now()
  #slept = 0
  #fields = 0
  #requests = 0

  constructor(transcript: Transcript, url: string) {
    this.#transcript = transcript
    this.#url = url
    this.#expectation = new Expectation(transcript)
  }

  async run(): Promise<Replayed> {
    for (const [index, step] of this.#transcript.steps.entries()) {
      const before = this.#differences.length
      await this.#step(step)
      for (let at = before; at < this.#differences.length; at++) {
        this.#differences[at] = `step ${index}: ${this.#differences[at]}`
      }
    }
    return {
      differences: this.#differences,
      lag: (Date.now() - this.#started - this.#slept) / 1000,
      fields: this.#fields,
      departures: this.#applied,
      misread: this.#misread,
    }
  }

  async #step(step: Step): Promise<void> {
    const lag = Math.max(0, Date.now() - this.#started - this.#slept) / 1000
    const sent = Date.now()
    const actual = await this.#perform(step)
    const expected = this.#expectation.next(step)
    if (actual === undefined || step.out === undefined) return
    this.#applied.push(...expected.departures)
    this.#misread.push(...expected.misread)
    const moment = { sent, received: Date.now(), lag: lag + (Date.now() - sent) / 1000 }
    this.#differences.push(
      ...compareOut(expected.out, actual, {
        placeholders: this.#placeholders,
        moment,
        messages: this.#messages,
        count: () => this.#fields++,
      }),
    )
  }

  async #perform(step: Step): Promise<Out | undefined> {
    if (step.sleepMs !== undefined) {
      await this.#sleep(step.sleepMs)
      return undefined
    }
    if (step.ctl !== undefined) {
      const { ctl } = step
      if (ctl.op === 'fail') this.#messages.add(ctl.msg ?? '')
      return this.#control(JSON.parse(this.#placeholders.fill(JSON.stringify(ctl))))
    }
    if (step.dump !== undefined) return this.#control({ op: 'dump', store: step.dump })
    if (step.req !== undefined) {
      const { id, out } = await this.#send(step.req)
      return { ...out, ...(await this.#after(id)) }
    }
    const { parallel = [] } = step
    this.#slept += Math.max(...parallel.map(({ delayMs = 0 }) => delayMs))
    const sent = await Promise.all(
      parallel.map(async ({ delayMs = 0, req }) => {
        await sleep(delayMs)
        return this.#send(req)
      }),
    )
    const outs: Out[] = []
    const calls: CallEntry[] = []
    for (const { id, out } of sent) {
      const { calls: more = [], ...rest } = await this.#after(id)
      calls.push(...more)
      outs.push({ ...out, ...rest })
    }
    return { parallel: outs, calls }
  }

  async #sleep(ms: number): Promise<void> {
    this.#slept += ms
    await sleep(ms)
  }

  async #send(request: RequestSpec): Promise<{ id: string; out: Out }> {
    const { method = 'POST', path = '/', jar: jarName = 'A', headers = [], opsIn } = request
    const ops = (request.ops ?? []).map((op) => this.#filled(op))
    for (const { op, stop } of ops) if (op === 'iterate' && stop) this.#messages.add(stop)
    for (const { op, ms = 0 } of ops) if (op === 'sleep') this.#slept += ms
    const own = headers.map(([name, value]) => [name, this.#placeholders.fill(value)] as const)
    const jar = jarName === '' ? undefined : this.#jar(jarName)
    const cookies = jar?.header() ?? ''
    const hasOwn = own.some(([name]) => name.toLowerCase() === 'cookie')
    const inBody = opsIn ? opsIn === 'body' : ['POST', 'PUT', 'PATCH'].includes(method)
    const id = String(++this.#requests)
    const response = await send(
      this.#url,
      method,
      path,
      [
        ...own,
        ...(cookies !== '' && !hasOwn ? [['Cookie', cookies] as const] : []),
        ['X-Ref-Id', id],
        ...(inBody ? [] : [['X-Ref-Ops', ascii(JSON.stringify(ops))] as const]),
      ],
      inBody ? JSON.stringify({ ops }) : '',
    )
    if (response.error !== undefined) return { id, out: { error: response.error } }
    const lines = (name: string) =>
      response.headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value)
    const setCookie = lines('set-cookie')
    for (const line of setCookie) jar?.take(line)
    const out: Out = {
      status: response.status,
      setCookie,
      vary: lines('vary'),
      cacheControl: lines('cache-control'),
      headers: response.headers
        .filter(([name]) => comparedHeaders.test(name))
        .map(([name, value]): [string, string] => [name, value]),
      informational: [...response.informational],
      body: response.body,
    }
    if (jar !== undefined) out.jar = jar.contents()
    return { id, out }
  }

  #after(id: string): Promise<Out> {
    return this.#control({ op: 'after', id })
  }

  async #control(operation: object): Promise<Out> {
    const { body } = await send(this.#url, 'POST', '/__ctl', [], JSON.stringify(operation))
    const out = JSON.parse(body) as Out
    for (const entry of [...(out.calls ?? []), ...(out.rows ?? [])]) withTimes(entry)
    return out
  }

  #filled(operation: Operation): Operation {
    return JSON.parse(this.#placeholders.fill(JSON.stringify(operation))) as Operation
  }

  #jar(name: string): Jar {
    const jar = this.#jars.get(name) ?? new Jar()
    this.#jars.set(name, jar)
    return jar
  }
}

function withTimes(entry: CallEntry | RowEntry): void {
  const { expiryMs, deadlineMs } = entry as { expiryMs?: number; deadlineMs?: number }
  if (expiryMs !== undefined) entry.expiry = timeText(new Date(expiryMs))
  if (deadlineMs !== undefined) entry.deadline = timeText(new Date(deadlineMs))
  Object.assign(entry, { expiryMs: undefined, deadlineMs: undefined })
}

function ascii(json: string): string {
  return json.replace(
    /[\u0080-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
