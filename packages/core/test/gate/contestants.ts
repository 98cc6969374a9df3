import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import {
  bindContext,
  type Context,
  type CtxStore,
  contextKey,
  contextOf,
  MemoryStore,
  SessionManager,
  withValue,
} from '../../src/index.ts'
import { type Protocol, type Running, serve } from '../support/servers.ts'
import { isTooLate, joinsChunks, withoutOurs } from './departures.ts'
import { type Observations, perform } from './perform.ts'
import type { Conversation, Exchange } from './program.ts'

/** One stream of HTTP/2, as its client saw it. */
export interface Stream {
  /** The lines of each head, a 1xx first. */
  readonly heads: readonly (readonly string[])[]
  readonly body: string
  readonly trailers: readonly (readonly string[])[]
  /** The code that it was reset with; 0 when it was not. */
  readonly reset: number
}

/** What client and handlers have seen of one conversation. */
export interface Outcome {
  /** All bytes of an HTTP/1 connection, or an entry for each HTTP/2 stream; ours aside. */
  readonly wire: string | readonly Stream[]
  readonly observations: readonly Observations[]
  /** What no response could tell. */
  readonly unheard: readonly unknown[]
}

/** Servers behind the gate that are to answer as the bare one does. */
export const gatedKinds = [
  'untouched',
  'modified, at once',
  'modified, later',
  'two managers',
] as const
/** Servers whose commits fail: theirs is the answer of errorFunc. */
export const failingKinds = ['failing at once', 'failing later'] as const
export type Kind = 'bare' | (typeof gatedKinds)[number] | (typeof failingKinds)[number]

/** What errorFunc answers. */
export const failure = { status: 503, header: 'x-answer', body: 'the answer' } as const

type Listener = (req: IncomingMessage, res: ServerResponse) => void

interface Playing {
  readonly conversation: Conversation
  readonly observed: Promise<Observations>[]
  readonly unheard: unknown[]
  /** How many sessions have been committed. */
  commits: number
}

const playingKey = contextKey<Playing>('playing')

/** A server whose handlers play conversations; all kinds play them alike. */
export class Contestant {
  readonly #protocol: Protocol
  readonly #running: Running
  readonly #playing: Map<string, Playing>
  #session: ClientHttp2Session | undefined
  #count = 0

  private constructor(protocol: Protocol, running: Running, playing: Map<string, Playing>) {
    this.#protocol = protocol
    this.#running = running
    this.#playing = playing
  }

  static async start(kind: Kind, protocol: Protocol): Promise<Contestant> {
    const playing = new Map<string, Playing>()
    const handler: Listener = (req, res) => {
      const [, id = '', index = ''] = req.url?.split('/') ?? []
      const { conversation, observed } = playing.get(id) ?? {}
      const steps = conversation?.exchanges[Number(index)]?.steps ?? []
      observed?.push(
        perform(res, steps, {
          isHttp2: protocol === 'h2c',
          skips: (step) => takesTurns(kind) && isTooLate(step, res),
        }),
      )
    }
    const listener = kind === 'bare' ? handler : gated(kind, handler, playing)
    return new Contestant(protocol, await serve(listener, protocol), playing)
  }

  async play(conversation: Conversation): Promise<Outcome> {
    const id = String(this.#count++)
    const observed: Promise<Observations>[] = []
    const unheard: unknown[] = []
    this.#playing.set(id, { conversation, observed, unheard, commits: 0 })
    const wire = await inTime<Outcome['wire']>(
      this.#protocol === 'http'
        ? this.#overHttp1(id, conversation)
        : this.#overHttp2(id, conversation),
      'no end of the response',
    )
    const observations = await inTime(Promise.all(observed), 'no end of the handler')
    this.#playing.delete(id)
    return { wire, observations, unheard }
  }

  /** Plays with a client that leaves after some turns; tells how many handlers ran, and how many sessions were committed. */
  async leave(conversation: Conversation): Promise<{ handlers: number; commits: number }> {
    const id = String(this.#count++)
    const playing: Playing = { conversation, observed: [], unheard: [], commits: 0 }
    this.#playing.set(id, playing)
    const served = once(this.#running.server, 'connection')
    const leave =
      this.#protocol === 'http' ? this.#ask(id, conversation) : this.#askHttp2(id, conversation)
    const [socket] = (await served) as [Socket]
    for (let left = conversation.turns; left > 0; left--) await turn()
    const closed = new Promise((resolve) => socket.once('close', resolve))
    leave()
    await inTime(closed, 'no end of the connection')
    await inTime(Promise.all(playing.observed), 'no end of the handler')
    const committed = async () => {
      while (playing.commits < playing.observed.length) await turn()
    }
    await inTime(committed(), 'a session is not committed')
    this.#playing.delete(id)
    return { handlers: playing.observed.length, commits: playing.commits }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session?.destroy()
    await this.#running[Symbol.asyncDispose]()
  }

  async #overHttp1(id: string, { exchanges }: Conversation): Promise<string> {
    const socket = connect(this.#running.port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', () => {})
    socket.write(
      exchanges
        .map((exchange, i) => requestOf(exchange, `/${id}/${i}`, i === exchanges.length - 1))
        .join(''),
    )
    await once(socket, 'close')
    const wire = headsCleaned(Buffer.concat(chunks).toString('latin1'))
    return joinsChunks ? wire.replaceAll(/\r\n[0-9a-f]+\r\n/g, '') : wire
  }

  #ask(id: string, { exchanges }: Conversation): () => void {
    const socket = connect(this.#running.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(exchanges.map((exchange, i) => requestOf(exchange, `/${id}/${i}`, false)).join(''))
    return () => socket.destroy()
  }

  #askHttp2(id: string, { exchanges }: Conversation): () => void {
    const session = connectHttp2(`http://127.0.0.1:${this.#running.port}`)
    session.on('error', () => {})
    for (const [i, exchange] of exchanges.entries()) void streamOf(session, exchange, `/${id}/${i}`)
    return () => session.destroy()
  }

  async #overHttp2(id: string, { exchanges }: Conversation): Promise<Stream[]> {
    if (!this.#session || this.#session.destroyed || this.#session.closed) {
      this.#session = connectHttp2(`http://127.0.0.1:${this.#running.port}`)
      this.#session.on('error', () => {})
    }
    const session = this.#session
    return Promise.all(exchanges.map((exchange, i) => streamOf(session, exchange, `/${id}/${i}`)))
  }
}

function gated(kind: Kind, handler: Listener, playing: Map<string, Playing>): Listener {
  const names = kind === 'two managers' ? ['session', 'session-2'] : ['session']
  const managers = names.map((name) => managerOf(kind, name))
  const wrapped = managers.reduceRight<Listener>(
    (next, manager) => manager.loadAndSave(next),
    (req, res) => {
      if (kind !== 'untouched')
        for (const manager of managers) manager.put(contextOf(req), 'key', 'value')
      handler(req, res)
    },
  )
  return (req, res) => {
    const played = playing.get(req.url?.split('/')[1] ?? '')
    if (played) bindContext(req, withValue(contextOf(req), playingKey, played))
    wrapped(req, res)
  }
}

function takesTurns(kind: Kind): boolean {
  return kind === 'modified, later' || kind === 'two managers' || kind === 'failing later'
}

function managerOf(kind: Kind, name: string): SessionManager {
  const fails = failingKinds.includes(kind as never)
  return new SessionManager({
    cookie: { name },
    store: takesTurns(kind) ? new SlowStore(fails) : new QuickStore(fails),
    onError: (error, ctx) => ctx.value(playingKey)?.unheard.push(error),
    async errorFunc(req, res, error) {
      if (!fails) {
        contextOf(req).value(playingKey)?.unheard.push(error)
        res.destroy()
        return
      }
      res.statusCode = failure.status
      res.setHeader(failure.header, '1')
      res.write(failure.body.slice(0, 4))
      await turn()
      res.end(failure.body.slice(4))
    },
  })
}

// A store whose every commit fails, or none.
class QuickStore extends MemoryStore {
  readonly #fails: boolean

  constructor(fails: boolean) {
    super({ cleanupInterval: 0 })
    this.#fails = fails
  }

  override swap(...call: Parameters<MemoryStore['swap']>): boolean {
    if (this.#fails) throw new Error('disk full')
    return super.swap(...call)
  }
}

// A store that takes the conversation's turns for each commit; none is still later than at once.
class SlowStore implements CtxStore {
  readonly #memory = new MemoryStore({ cleanupInterval: 0 })
  readonly #fails: boolean

  constructor(fails: boolean) {
    this.#fails = fails
  }

  findCtx(_ctx: Context, token: string) {
    return this.#memory.find(token)
  }

  async commitCtx(ctx: Context, token: string, data: Uint8Array, expiry: Date): Promise<void> {
    await undefined
    const playing = ctx.value(playingKey)
    for (let left = playing?.conversation.turns ?? 0; left > 0; left--) await turn()
    if (this.#fails) throw new Error('disk full')
    if (playing) playing.commits++
    this.#memory.commit(token, data, expiry)
  }

  async deleteCtx(_ctx: Context, token: string): Promise<void> {
    this.#memory.delete(token)
  }
}

function requestOf(exchange: Exchange, path: string, isLast: boolean): string {
  const { method, version, expectContinue } = exchange
  const lines = [`${method} ${path} HTTP/${version}`, 'Host: localhost']
  if (isLast && version === '1.1') lines.push('Connection: close')
  if (method === 'POST') lines.push('Content-Length: 5')
  if (method === 'POST' && expectContinue) lines.push('Expect: 100-continue')
  return `${lines.join('\r\n')}\r\n\r\n${method === 'POST' ? 'hello' : ''}`
}

function headsCleaned(wire: string): string {
  return wire.replace(/HTTP\/1\.1 .*?\r\n\r\n/gs, (head) =>
    [...withoutOurs(head.split('\r\n').slice(0, -2)), '', ''].join('\r\n'),
  )
}

function streamOf(session: ClientHttp2Session, exchange: Exchange, path: string): Promise<Stream> {
  return new Promise((resolve) => {
    const { method } = exchange
    const stream = session.request(
      { ':method': method, ':path': path },
      { endStream: method !== 'POST' },
    )
    if (method === 'POST') stream.end('hello')
    const chunks: Buffer[] = []
    const heads: string[][] = []
    const trailers: string[][] = []
    const keep = (to: string[][]) => (_headers: object, _flags: number, raw: unknown) =>
      to.push(linesOf(raw as string[]))
    stream.on('response', keep(heads) as never)
    stream.on('headers', keep(heads) as never)
    stream.on('trailers', keep(trailers) as never)
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', () => {})
    stream.on('close', () => {
      resolve({
        heads,
        body: Buffer.concat(chunks).toString(),
        trailers,
        reset: stream.rstCode ?? 0,
      })
    })
  })
}

function linesOf(raw: readonly string[]): string[] {
  const lines = raw.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${raw[i + 1]}`] : []))
  return withoutOurs(lines)
}

// A response that never comes would keep all others from being played.
async function inTime<T>(pending: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(what)), 50_000)
  try {
    return await Promise.race([pending, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
