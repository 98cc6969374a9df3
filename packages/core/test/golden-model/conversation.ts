// A model of what the replayer plays: stores, managers, a scripted handler and clients with cookie jars. Without
// departures it answers as SCS does, with all of them as this package.

import { Jar } from '../golden-replay/jar.ts'
import type { CallEntry, Out, RequestSpec, ResultEntry, Step } from '../golden-replay/transcript.ts'
import type { Config } from '../golden-server/config.ts'
import type { ControlOperation } from '../golden-server/control.ts'
import { fromTyped, toTyped } from '../golden-server/typed-values.ts'
import {
  candidates,
  isSameCookie,
  lifespan,
  readInGo,
  sessionCookie,
  valuesHere,
  withNearTimes,
} from './cookies.ts'
import type { Dialect } from './dialect.ts'
import {
  HandlerPanic,
  httpError,
  perform,
  type Scene,
  type Sessions,
  write,
  writeHeader,
} from './operations.ts'
import { keepPrivate, ModelResponse, type ResponseHook } from './response.ts'
import { isZero, ModelManager, type Session } from './session.ts'
import {
  Failure,
  foreign,
  type Instant,
  instantText,
  ModelStore,
  type Row,
  rowOfJson,
} from './store.ts'
import type { TokenNames } from './tokens.ts'
import { kept } from './values.ts'

/** Where a conversation has got to: it goes on from there. */
export class World {
  readonly config: Config
  now: number
  step = 0
  readonly jars: Map<string, Jar>
  readonly stores: ReadonlyMap<string, ModelStore>
  readonly names: TokenNames
  calls: CallEntry[] = []

  constructor(config: Config, names: TokenNames, before?: World) {
    this.config = config
    this.names = names
    this.now = before?.now ?? Date.now()
    this.step = before?.step ?? 0
    this.jars = new Map([...(before?.jars ?? [])].map(([name, jar]) => [name, jar.copy()]))
    const storeNames = new Set([
      ...Object.keys(config.stores ?? {}),
      ...(config.managers ?? [{}]).map(({ store }) => store || 'S'),
    ])
    const now = () => this.now
    const record = (call: CallEntry) => void this.calls.push(call)
    this.stores = new Map(
      [...storeNames].map((name) => [
        name,
        new ModelStore(name, config, now, record, before?.stores.get(name)),
      ]),
    )
  }

  copy(): World {
    return new World(this.config, this.names, this)
  }

  /** A part of a step with its placeholders filled in, as the model knows them. */
  filled<T>(sent: T): T {
    return mapTexts(sent, (text) => filled(this.names.toModel(text), this.now)) as T
  }

  /** Plays the next step; `undefined` for one without an answer. */
  play(step: Step, dialect: Dialect): Out | undefined {
    const at = this.step++
    this.calls = []
    if (step.sleepMs !== undefined) {
      this.now += step.sleepMs
      return undefined
    }
    if (step.ctl !== undefined) return this.#control(this.filled(step.ctl), dialect)
    if (step.dump !== undefined) {
      const rows = this.stores.get(step.dump || 'S')?.dump() ?? []
      return printed({ rows, err: '' }, this.now)
    }
    const begin = this.now
    if (step.req !== undefined) {
      const exchange = new Exchange(this, step.req, `${at}r0`, dialect)
      for (const until of exchange.run()) this.now = until
      return printed({ ...exchange.answer(), calls: this.calls }, begin)
    }
    const { parallel = [] } = step
    const outs = this.#together(
      parallel.map(({ delayMs = 0, req }, index) => ({
        start: begin + delayMs,
        begin: () => new Exchange(this, req, `${at}r${index}`, dialect),
      })),
    )
    return printed({ parallel: outs, calls: this.calls }, begin)
  }

  // Requests at once: each runs until it sleeps, and the one that wakes first goes on.
  #together(requests: readonly { start: number; begin: () => Exchange }[]): Out[] {
    const running = requests.map(({ start, begin }) => ({
      wake: start,
      begin,
      exchange: undefined as Exchange | undefined,
      steps: undefined as Generator<number, void> | undefined,
      out: undefined as Out | undefined,
    }))
    for (;;) {
      const [next] = running.filter(({ out }) => out === undefined).sort((a, b) => a.wake - b.wake)
      if (next === undefined) return running.map(({ out }) => out ?? {})
      this.now = Math.max(this.now, next.wake)
      next.exchange ??= next.begin()
      next.steps ??= next.exchange.run()
      const { value, done } = next.steps.next()
      if (done) next.out = printed(next.exchange.answer(), next.exchange.sent)
      else next.wake = value
    }
  }

  #control(operation: ControlOperation, dialect: Dialect): Out {
    const store = this.stores.get(operation.store || 'S')
    if (store === undefined) return { err: `there is no store ${operation.store}` }
    const { call = 'find', msg = '', count = 0, token = '' } = operation
    switch (operation.op) {
      case 'fail':
        store.fail(call, msg, count)
        return {}
      case 'storePut':
        store.put(token, this.#row(operation, dialect))
        return { err: '' }
      case 'storeDelete':
        store.remove(token)
        return { err: '' }
      case 'dump':
        return printed({ rows: store.dump(), err: '' }, this.now)
      default:
        return {}
    }
  }

  #row(operation: ControlOperation, dialect: Dialect): Row {
    const { hex, values = {}, nilValues, deadlineInMs = 0, expiryInMs = 0 } = operation
    const expiry = { ms: this.now + expiryInMs }
    const codec = this.#codecOf(operation.store || 'S')
    if (hex !== undefined && operation.values === undefined && !nilValues) {
      const found =
        codec === 'json' ? rowOfJson(hex, dialect) : { values: undefined, deadline: { ms: 0 } }
      return { ...found, expiry, codec, isCommitted: false }
    }
    const entries = Object.entries(values).map(
      ([key, typed]) => [key, kept(toTypedOf(typed), dialect)] as const,
    )
    return {
      values: nilValues ? 'nil' : new Map(entries),
      deadline: { ms: this.now + deadlineInMs },
      expiry,
      codec,
      isCommitted: false,
    }
  }

  #codecOf(store: string): string {
    const user = (this.config.managers ?? [{}]).find((manager) => (manager.store || 'S') === store)
    return user?.codec || 'gob'
  }
}

function toTypedOf<T extends Parameters<typeof fromTyped>[0]>(typed: T): T {
  return typed.t === 'nil' ? (toTyped(fromTyped(typed)) as T) : typed
}

/** One request and its response. */
class Exchange implements Scene {
  readonly dialect: Dialect
  readonly method: string
  readonly path: string
  readonly response: ModelResponse
  readonly managers: readonly ModelManager[]
  readonly results: ResultEntry[] = []
  readonly sent: number
  readonly #world: World
  readonly #request: RequestSpec
  readonly #name: string
  readonly #generated = new Map<number, number>()
  readonly #cookies: readonly string[]
  readonly #jar: Jar | undefined
  #ran = false
  #isCut = false

  constructor(world: World, request: RequestSpec, name: string, dialect: Dialect) {
    this.#world = world
    this.#request = world.filled(request)
    this.#name = name
    this.dialect = dialect
    this.method = request.method ?? 'POST'
    this.path = request.path ?? '/'
    this.sent = world.now
    const { config } = world
    this.response = new ModelResponse(config.outerHeaders ?? [], dialect.has('cleanAnswer'))
    const surroundings = {
      dialect,
      registered: config.registerGob === true,
      now: () => world.now,
      newToken: (manager: number) => this.#newToken(manager),
    }
    this.managers = (config.managers ?? [{}]).map((manager, index) => {
      const store = world.stores.get(manager.store || 'S') as ModelStore
      return new ModelManager(index, manager, store, surroundings)
    })
    const jarName = request.jar ?? 'A'
    if (jarName !== '') {
      this.#jar = world.jars.get(jarName) ?? new Jar()
      world.jars.set(jarName, this.#jar)
    }
    const own = (this.#request.headers ?? []).filter(
      ([header]) => header.toLowerCase() === 'cookie',
    )
    const header = this.#jar?.header() ?? ''
    this.#cookies = own.length > 0 ? own.map(([, value]) => value) : header === '' ? [] : [header]
  }

  now(): number {
    return this.#world.now
  }

  *run(): Generator<number, void> {
    const { config } = this.#world
    const layers = config.layers ?? this.managers.map(({ index }) => index)
    try {
      yield* this.#serve(layers, new Map())
      if (!this.#isCut) this.response.end()
    } catch (error) {
      if (!(error instanceof HandlerPanic)) throw error
      // Nobody recovers it, or somebody outside of every manager does.
      if (config.outerRecover && !this.#isCut) {
        this.response.abandon()
        writeHeader(500, this)
        write(`recovered: ${error.message}`, this)
      } else this.#isCut = true
    }
    if (this.dialect.has('lateChanges')) this.response.close()
    this.#isCut ||= this.response.isCut
  }

  *#serve(layers: readonly number[], ctx: Sessions, depth = 0): Generator<number, void> {
    const manager = this.managers[layers[depth] ?? -1]
    if (manager === undefined) {
      yield* this.#handle(ctx)
      return
    }
    const hook = this.#hook(manager)
    this.response.add(hook)
    this.response.head.add('Vary', 'Cookie')
    let loaded: Sessions
    try {
      this.#requireOwnName(manager, ctx)
      loaded = this.load(ctx, manager, this.#tokensOf(manager))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      this.response.hooks.pop()
      this.response.fail(hook, error)
      return
    }
    hook.ctx = loaded
    yield* this.#serve(layers, loaded, depth + 1)
  }

  *#handle(ctx: Sessions): Generator<number, void> {
    this.#ran = true
    try {
      yield* perform(this.#request.ops ?? [], ctx, this, this.results)
    } catch (error) {
      if (!(error instanceof HandlerPanic) || !this.dialect.has('panicAnswered')) throw error
      const { response } = this
      const hook = response.hooks.at(-1)
      response.abandon()
      if (response.isDeaf) return
      if (hook === undefined || response.sent !== undefined) {
        this.#isCut = true
        return
      }
      response.fail(hook, new Failure(error.message))
    }
  }

  #requireOwnName(manager: ModelManager, ctx: Sessions): void {
    const around = [...ctx.keys()].filter((index) => index !== manager.index)
    const isTaken = around.some((index) => this.managers[index]?.cookieName === manager.cookieName)
    if (this.dialect.has('oneName') && isTaken) throw new Failure(foreign)
  }

  #tokensOf(manager: ModelManager): string[] {
    const name = manager.cookieName
    if (!this.dialect.has('cookieRead')) return [readInGo(name, this.#cookies)]
    if (this.dialect.has('candidates')) return candidates(name, this.#cookies)
    return valuesHere(name, this.#cookies).slice(0, 1)
  }

  load(ctx: Sessions, manager: ModelManager, tokens: readonly string[]): Sessions {
    if (ctx.has(manager.index)) return ctx
    return new Map([...ctx, [manager.index, manager.load(tokens)]])
  }

  #hook(manager: ModelManager): ResponseHook & { ctx: Sessions } {
    const hook: ResponseHook & { ctx: Sessions } = {
      ctx: new Map(),
      entry: this.response.head.copy(),
      failed: false,
      save: () => this.#save(manager, hook.ctx),
      answer: (error) => this.#answer(hook, manager, error),
      saveLate: () => {
        const session = hook.ctx.get(manager.index)
        if (!this.dialect.has('lateChanges') || session === undefined) return
        if (session.status === 'Modified' && session.pending > 0) manager.write(session)
      },
    }
    return hook
  }

  #save(manager: ModelManager, ctx: Sessions): void {
    const session = ctx.get(manager.index) as Session
    session.headersLeft = true
    session.cookieSent ||= session.status === 'Modified'
    if (session.status === 'Destroyed') this.writeCookie(manager, ctx, '', undefined, false)
    if (session.status !== 'Modified') return
    const committed = manager.write(session)
    if (committed) this.writeCookie(manager, ctx, committed.token, committed.expiry, true)
  }

  writeCookie(
    manager: ModelManager,
    ctx: Sessions,
    token: string,
    expiry: Instant | undefined,
    committed: boolean,
  ): void {
    const { cookie = {} } = manager.config
    const lives = expiry !== undefined && !isZero(expiry)
    const persistent =
      cookie.persist !== false || (lives && manager.isRemembered(requireSession(ctx, manager)))
    const recorded =
      committed ||
      (expiry !== undefined &&
        this.#world.calls.some((call) => call.expiry === instantText(expiry)))
    const parts = lifespan(expiry, persistent, recorded, this.now(), this.sent, this.dialect)
    const { head } = this.response
    const line = sessionCookie(cookie, token, parts, this.dialect)
    if (this.dialect.has('ownLine')) {
      const kept = head.lines('Set-Cookie').filter((other) => !isSameCookie(line, other, this.path))
      head.set('Set-Cookie', ...kept)
    }
    head.add('Set-Cookie', line)
    if (this.dialect.has('privateCaching')) keepPrivate(head)
    else head.add('Cache-Control', 'no-cache="Set-Cookie"')
  }

  #answer(hook: ResponseHook, manager: ModelManager, error: unknown): void {
    const { head } = this.response
    const message = error instanceof Error ? error.message : String(error)
    if (this.dialect.has('cleanAnswer')) {
      // One line for each manager that has loaded a session.
      const { visits } = this.response
      for (const _ of visits.slice(visits.indexOf(hook))) head.add('Vary', 'Cookie')
    }
    this.response.atEnd = () => {}
    switch (manager.config.errorFunc) {
      case 'silent':
        // Nobody has answered when the time for it is over: that is no success.
        if (this.dialect.has('silentAnswered')) this.response.atEnd = () => writeHeader(500, this)
        return
      case 'custom':
        head.set('X-Error-Func', message.replace(/[\r\n]/g, ' '))
        writeHeader(503, this)
        write(`custom: ${message}`, this)
        return
      default:
        httpError('Internal Server Error', 500, this)
    }
  }

  #newToken(manager: number): string {
    const count = this.#generated.get(manager) ?? 0
    this.#generated.set(manager, count + 1)
    return `<Ts${this.#name}m${manager}g${count}>`
  }

  /** What the client gets, and what is known of the handler. */
  answer(): Out {
    const ran = this.#ran
    const results = ran ? { results: this.results } : {}
    const { response } = this
    const isBodiless = this.method === 'HEAD' || [204, 304].includes(response.sentStatus)
    if (this.#isCut && !(response.isFlushed && isBodiless)) {
      return { error: 'connection closed', ran, ...results }
    }
    const head = response.sent ?? response.head
    const setCookie = head.lines('Set-Cookie').filter((line) => line !== '')
    for (const line of setCookie) this.#jar?.take(line)
    const headers = head
      .all()
      .filter(([name]) => /^(?:location|x-(?!content-type-options).*)$/i.test(name))
      .map(([name, value]): [string, string] => [name, value])
    return {
      status: response.sentStatus || 200,
      setCookie,
      vary: head.lines('Vary'),
      cacheControl: head.lines('Cache-Control'),
      ...(headers.length > 0 ? { headers } : {}),
      ...(response.informational.length > 0 ? { informational: response.informational } : {}),
      body: response.body,
      ...(this.#jar === undefined ? {} : { jar: this.#jar.contents() }),
      ran,
      ...results,
    }
  }
}

function requireSession(ctx: Sessions, manager: ModelManager): Session {
  const session = ctx.get(manager.index)
  if (session === undefined) throw new Failure('scs: no session data in context')
  return session
}

function printed(out: Out, sent: number): Out {
  return mapTexts(out, (text) => withNearTimes(text, sent)) as Out
}

function filled(text: string, now: number): string {
  return text
    .replace(/\{\{repeat (.*?) (\d+)\}\}/g, (_, word: string, count: string) =>
      word.repeat(Number(count)),
    )
    .replace(/\{\{now([+-]\d+)ms\}\}/g, (_, ahead: string) =>
      new Date(now + Number(ahead)).toISOString(),
    )
}

/** Every text in a value, keys too, changed. */
export function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, mapTexts(item, change)]),
  )
}
