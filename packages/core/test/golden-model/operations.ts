// The operations that a scripted handler performs, in the model.

import { STATUS_CODES } from 'node:http'
import { posix } from 'node:path'
import type { ResultEntry } from '../golden-replay/transcript.ts'
import { goJson } from '../golden-server/go-json.ts'
import type { Operation } from '../golden-server/operations.ts'
import {
  bytesTyped,
  floatTyped,
  integerTyped,
  type Typed,
  timeText,
  zeroTime,
} from '../golden-server/typed-values.ts'
import { goValue, isName } from './cookies.ts'
import { type Dialect, isGo } from './dialect.ts'
import type { ModelResponse } from './response.ts'
import { isZero, type ModelManager, type Session } from './session.ts'
import { Failure, GoPanic, type Instant, instantText } from './store.ts'
import { rfc3339Nano } from './values.ts'

/** The sessions that a context carries, by manager. */
export type Sessions = ReadonlyMap<number, Session>

/** A handler at work. */
export interface Scene {
  readonly dialect: Dialect
  readonly method: string
  readonly path: string
  readonly response: ModelResponse
  readonly managers: readonly ModelManager[]
  readonly results: ResultEntry[]
  now(): number
  /** A context of this manager's session of a token. */
  load(ctx: Sessions, manager: ModelManager, tokens: readonly string[]): Sessions
  writeCookie(
    manager: ModelManager,
    ctx: Sessions,
    token: string,
    expiry: Instant | undefined,
    committed: boolean,
  ): void
}

/** Ends the handler. */
export class HandlerPanic extends Error {}

/** Performs operations; yields until when it sleeps. */
export function* perform(
  operations: readonly Operation[],
  ctx: Sessions,
  scene: Scene,
  results: ResultEntry[],
): Generator<number, void> {
  for (const operation of operations) {
    const result: ResultEntry = { op: operation.op }
    if (operation.key) result.key = operation.key
    results.push(result)
    try {
      Object.assign(result, yield* run(operation, ctx, scene))
    } catch (error) {
      if (error instanceof HandlerPanic) {
        if (operation.op === 'panic') result.panic = error.message
        throw error
      }
      if (error instanceof GoPanic) {
        result.panic = error.message
        if (operation.op === 'put') throw new HandlerPanic(error.message)
      } else if (error instanceof Failure) result.err = error.message
      else throw error
    }
  }
}

type Fields = Record<string, unknown>

function* run(operation: Operation, ctx: Sessions, scene: Scene): Generator<number, Fields> {
  const { op, ops = [], token = '', ms = 0 } = operation
  const manager = scene.managers[operation.m ?? 0]
  if (manager === undefined) throw new Failure(`there is no manager ${operation.m}`)
  switch (op) {
    case 'iterate':
      return yield* iterate(operation, manager, ctx, scene)
    case 'loadNew': {
      const results: ResultEntry[] = []
      let loaded: Sessions
      try {
        loaded = scene.load(new Map(), manager, [token])
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        return { err: error.message, nilCtx: true }
      }
      yield* perform(ops, loaded, scene, results)
      return { results }
    }
    case 'noCtx': {
      const results: ResultEntry[] = []
      yield* perform(ops, new Map(), scene, results)
      return { results }
    }
    case 'sleep':
      yield scene.now() + ms
      return {}
    case 'panic':
      throw new HandlerPanic(operation.body ?? '')
    case 'loadSame':
      return { sameCtx: scene.load(ctx, manager, [token]) === ctx }
    case 'writeSessionCookie': {
      const expiry = timeOf(operation, scene)
      if (scene.response.sent === undefined || isGo(scene.dialect)) {
        if (scene.response.hears) scene.writeCookie(manager, ctx, token, expiry, false)
      }
      return {}
    }
    default: {
      const output = outputs[op]
      if (output) return output(operation, scene) ?? {}
      const session = ctx.get(manager.index)
      if (session === undefined) throw new GoPanic('scs: no session data in context')
      return onSession(operation, manager, session, scene)
    }
  }
}

function* iterate(
  { ops = [], stop }: Operation,
  manager: ModelManager,
  ctx: Sessions,
  scene: Scene,
): Generator<number, Fields> {
  const sessions: { results: ResultEntry[] }[] = []
  const fields: Fields = { sessions }
  try {
    for (const session of manager.all()) {
      const results: ResultEntry[] = []
      sessions.push({ results })
      yield* perform(ops, new Map([...ctx, [manager.index, session]]), scene, results)
      if (stop) throw new Failure(stop)
    }
  } catch (error) {
    if (error instanceof GoPanic) fields.panic = error.message
    else if (error instanceof Failure) fields.err = error.message
    else throw error
  }
  if (sessions.length === 0) delete fields.sessions
  return fields
}

function onSession(
  operation: Operation,
  manager: ModelManager,
  session: Session,
  scene: Scene,
): Fields {
  const { op, key = '' } = operation
  const getter = /^(get|pop)([A-Z]\w*)$/.exec(op)
  if (getter) {
    const value = getter[1] === 'pop' ? manager.pop(session, key) : manager.get(session, key)
    return { r: ofKind(getter[2] ?? '', value, scene.dialect) }
  }
  switch (op) {
    case 'put': {
      const { t = 'nil', v, hex, bits } = operation
      manager.put(session, key, {
        t,
        v,
        ...(hex === undefined ? {} : { hex }),
        ...(bits === undefined ? {} : { bits }),
      })
      return {}
    }
    case 'get':
      return { r: manager.get(session, key) ?? { t: 'nil' } }
    case 'pop':
      return { r: manager.pop(session, key) ?? { t: 'nil' } }
    case 'remove':
      manager.remove(session, key)
      return {}
    case 'exists':
      return { r: session.values !== 'nil' && session.values.has(key) }
    case 'keys':
      return { r: manager.keys(session) }
    case 'clear':
      manager.clear(session)
      return {}
    case 'destroy':
      manager.destroy(session)
      return {}
    case 'renewToken':
      manager.renewToken(session)
      return {}
    case 'rememberMe':
      manager.rememberMe(session, operation.v === true)
      return {}
    case 'mergeSession':
      manager.merge(session, operation.token ?? '')
      return {}
    case 'deadline':
      return { r: { t: 'time.Time', v: instantText(session.deadline) } }
    case 'setDeadline':
      manager.setDeadline(session, timeOf(operation, scene) ?? { ms: zeroTime })
      return {}
    case 'token':
      return { r: session.token }
    case 'status':
      return { r: session.status }
    case 'commit': {
      const { token, expiry } = manager.commit(session) ?? { token: '', expiry: { ms: zeroTime } }
      return { token, expiry: { t: 'time.Time', v: instantText(expiry) } }
    }
    default:
      throw new Failure(`there is no operation ${op}`)
  }
}

// A typed getter: the zero value for another type; here a number is a number, whatever its kind in Go.
function ofKind(kind: string, value: Typed | undefined, dialect: Dialect): Typed {
  const isOneNumber = dialect.has('oneNumber')
  const t = value?.t
  const number = t !== undefined && /^(?:int|float64)$/.test(t) ? numberOf(value) : Number.NaN
  switch (kind) {
    case 'String':
      return t === 'string' ? (value as Typed) : { t: 'string', v: '' }
    case 'Bool':
      return { t: 'bool', v: t === 'bool' && value?.v === true }
    case 'Int':
      if (!isOneNumber) return { t: 'int', v: t === 'int' ? value?.v : '0' }
      return integerTyped('int', Number.isSafeInteger(number) ? number : 0)
    case 'Int32':
      if (!isOneNumber) return { t: 'int32', v: t === 'int32' ? value?.v : '0' }
      return integerTyped('int32', number === (number | 0) ? number : 0)
    case 'Int64':
      return { t: 'int64', v: t === 'int64' ? value?.v : '0' }
    case 'Float':
      if (!isOneNumber) return t === 'float64' ? (value as Typed) : floatTyped(0)
      return floatTyped(t === 'int' || t === 'float64' ? numberOf(value) : 0)
    case 'Bytes':
      return t === '[]byte' ? (value as Typed) : bytesTyped(undefined)
    case 'Time':
      return t === 'time.Time'
        ? (value as Typed)
        : { t: 'time.Time', v: timeText(new Date(zeroTime)) }
    default:
      throw new Failure(`there is no operation of ${kind}`)
  }
}

function numberOf(typed: Typed | undefined): number {
  if (typed?.bits !== undefined) return Buffer.from(typed.bits, 'hex').readDoubleBE()
  return Number(String(typed?.v).replace('Inf', 'Infinity'))
}

function timeOf({ inMs, at }: Operation, scene: Scene): Instant | undefined {
  if (at === 'zero') return undefined
  if (at === undefined) return { ms: scene.now() + (inMs ?? 0) }
  const ms = Date.parse(at)
  const text = rfc3339Nano(at)
  return text === timeText(new Date(ms)) ? { ms } : { ms, text }
}

type Output = (operation: Operation, scene: Scene) => Fields | undefined

const outputs: Readonly<Record<string, Output>> = {
  writeBody: ({ body = '' }, scene) => write(body, scene),
  copyBody: ({ body = '' }, scene) => (body === '' ? { n: 0 } : write(body, scene)),
  writeResults(_, scene) {
    for (const result of scene.results.slice(0, -1)) write(`${bodyLine(result)}\n`, scene)
    return undefined
  },
  writeHeader: ({ code = 200 }, scene) => void writeHeader(code, scene),
  httpError: ({ body = '', code = 500 }, scene) => void httpError(body, code, scene),
  redirect: (operation, scene) => void redirect(operation, scene),
  flush(_, { response, dialect }) {
    if (response.hears) {
      if (dialect.has('flushCommits') && response.sent === undefined) response.leave()
      if (response.hears) response.freeze()
      response.isFlushed = true
    }
    return { ok: true }
  },
  setHeader({ name = '', value = '' }, scene) {
    if (mayChangeHead(scene)) scene.response.head.set(name, value)
    return undefined
  },
  addHeader({ name = '', value = '' }, scene) {
    if (mayChangeHead(scene)) scene.response.head.add(name, value)
    return undefined
  },
  delHeader({ name = '' }, scene) {
    if (mayChangeHead(scene)) scene.response.head.remove(name)
    return undefined
  },
  header: ({ name = '' }, { response }) => ({ r: response.head.lines(name) }),
  setCookie({ name = '', value = '' }, scene) {
    if (isName(name) && mayChangeHead(scene)) {
      scene.response.head.add('Set-Cookie', `${name}=${goValue(value)}`)
    }
    return undefined
  },
}

// In Go the header map can be changed after it was sent; here that is an error, which the handler avoids.
function mayChangeHead({ response, dialect }: Scene): boolean {
  return response.hears && (response.sent === undefined || isGo(dialect))
}

/** What a ResponseWriter does with a status. */
export function writeHeader(code: number, { response, dialect }: Scene): void {
  if (!response.hears) return
  if (code >= 100 && code < 200 && code !== 101) {
    if (response.sent !== undefined) return
    if (!dialect.has('informational')) response.leave()
    const status = isGo(dialect) || code === 100 || code === 102 ? code : 103
    if (response.hears) response.informational.push({ status })
    return
  }
  response.leave()
  if (response.hears) response.freeze(code)
}

/** What a ResponseWriter does with bytes. */
export function write(body: string, { response, method }: Scene): Fields {
  const n = Buffer.byteLength(body)
  if (!response.hears) return { n }
  response.leave()
  if (!response.hears) return { n }
  response.freeze()
  if (response.sentStatus === 204 || response.sentStatus === 304) {
    return { n: 0, err: 'http: request method or response status code does not allow body' }
  }
  if (method !== 'HEAD') response.body += body
  return { n }
}

/** http.Error. */
export function httpError(body: string, code: number, scene: Scene): void {
  if (mayChangeHead(scene)) scene.response.head.set('Content-Type', 'text/plain; charset=utf-8')
  writeHeader(code, scene)
  write(`${body}\n`, scene)
}

function redirect({ value = '', code = 302 }: Operation, scene: Scene): void {
  const { method, response } = scene
  const target = absolute(scene.path, value)
  const typed = response.head.lines('Content-Type').length > 0
  if (mayChangeHead(scene)) {
    response.head.set('Location', target.replace(/[^\0-\x7f]+/g, encodeURIComponent))
    if (!typed && /^(?:GET|HEAD)$/.test(method)) response.head.set('Content-Type', 'text/html')
  }
  writeHeader(code, scene)
  if (!typed && method === 'GET') {
    write(`<a href="${escaped(target)}">${STATUS_CODES[code] ?? ''}</a>.\n\n`, scene)
  }
}

function absolute(path: string, url: string): string {
  if (/^[a-z][a-z0-9+.-]*:/i.test(url) || url.startsWith('//')) return url
  const [base = '/'] = path.split('?')
  const whole = url.startsWith('/') ? url : base.slice(0, base.lastIndexOf('/') + 1) + url
  const query = whole.indexOf('?')
  if (query === -1) return posix.normalize(whole)
  return posix.normalize(whole.slice(0, query)) + whole.slice(query)
}

function escaped(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&#34;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

// As Go's JSON, but for the placeholders, which stand for what needs no escapes.
function bodyLine(result: ResultEntry): string {
  return goJson(result).replace(
    /\\u003c((?:(?:H:)*T\w+|H:empty|tampered T\w+|swapcased? T\w+))\\u003e/g,
    '<$1>',
  )
}

export { isZero }
