import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { background, type Context, SessionError, type SessionManager } from '../../src/index.ts'
import { messageOf } from './error-funcs.ts'
import { goJson } from './go-json.ts'
import type { Pace } from './recorded-store.ts'
import {
  addHeader,
  headerLines,
  httpError,
  redirect,
  removeHeader,
  setCookie,
  setHeader,
  write,
  writeHeader,
} from './responses.ts'
import {
  bytesTyped,
  floatTyped,
  fromTyped,
  integerTyped,
  stringTyped,
  type Typed,
  timeTyped,
  toTyped,
  zeroTime,
} from './typed-values.ts'

/** One operation of a transcript; which fields it has depends on `op`. */
export interface Operation {
  readonly op: string
  /** Index of the manager. */
  readonly m?: number
  readonly key?: string
  readonly t?: string
  readonly v?: unknown
  readonly hex?: string
  readonly bits?: string
  readonly token?: string
  readonly inMs?: number
  readonly at?: string
  readonly ms?: number
  readonly ops?: readonly Operation[]
  readonly stop?: string
  readonly body?: string
  readonly code?: number
  readonly name?: string
  readonly value?: string
}

/** What an operation gave: its name, its key, and `r`, `err`, `panic` or fields of its own. */
export type Result = Record<string, unknown> & { op: string }

/** A request under way. */
export interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly managers: readonly SessionManager[]
  readonly pace: Pace
  /** What the operations gave so far, those inside `iterate`, `loadNew` and `noCtx` left out. */
  readonly results: Result[]
}

/** Thrown out of the handler: by the operation `panic`, and by a `put` that panics. */
export class Panic extends Error {}

type Fields = Record<string, unknown>
type Perform = (
  operation: Operation,
  manager: SessionManager,
  ctx: Context,
  exchange: Exchange,
) => Fields | undefined | Promise<Fields | undefined>

/**
 * Performs the operations one after the other, and adds what each gave to `results`. Rejects with a {@link Panic} when
 * one ends the handler.
 */
export async function perform(
  operations: readonly Operation[],
  ctx: Context,
  exchange: Exchange,
  results: Result[],
): Promise<Result[]> {
  for (const operation of operations) {
    const result: Result = { op: operation.op }
    // As in Go, an empty key is left out.
    if (operation.key) result.key = operation.key
    results.push(result)
    try {
      const run = performers[operation.op]
      if (run === undefined) throw new TypeError(`there is no operation ${operation.op}`)
      const fields = await run(operation, managerOf(operation, exchange), ctx, exchange)
      Object.assign(result, fields)
      // In Go a write returns when the commit before it is done.
      if (exchange.pace === 'later') await turns(10)
    } catch (error) {
      if (error instanceof Panic) {
        if (operation.op === 'panic') result.panic = error.message
        throw error
      }
      const panic = panicOf(error)
      if (panic === undefined) {
        result.err = messageOf(error)
        continue
      }
      result.panic = panic
      if (operation.op === 'put') throw new Panic(panic, { cause: error })
    }
  }
  return results
}

const performers: Readonly<Record<string, Perform>> = {
  put: ({ key = '', t = 'nil', v, hex, bits }, manager, ctx) => {
    const typed = {
      t,
      v,
      ...(hex === undefined ? {} : { hex }),
      ...(bits === undefined ? {} : { bits }),
    }
    manager.put(ctx, key, fromTyped(typed))
    return undefined
  },
  get: ({ key = '' }, manager, ctx) => ({ r: toTyped(manager.get(ctx, key)) }),
  pop: ({ key = '' }, manager, ctx) => ({ r: toTyped(manager.pop(ctx, key)) }),
  remove: ({ key = '' }, manager, ctx) => void manager.remove(ctx, key),
  exists: ({ key = '' }, manager, ctx) => ({ r: manager.exists(ctx, key) }),
  keys: (_, manager, ctx) => ({ r: manager.keys(ctx) }),
  clear: (_, manager, ctx) => void manager.clear(ctx),

  getString: ({ key = '' }, manager, ctx) => ({ r: stringTyped(manager.getString(ctx, key)) }),
  getBool: ({ key = '' }, manager, ctx) => ({ r: boolTyped(manager.getBool(ctx, key)) }),
  getInt: ({ key = '' }, manager, ctx) => ({ r: integerTyped('int', manager.getInt(ctx, key)) }),
  getInt32: ({ key = '' }, manager, ctx) => ({
    r: integerTyped('int32', manager.getInt32(ctx, key)),
  }),
  getInt64: ({ key = '' }, manager, ctx) => ({
    r: integerTyped('int64', manager.getInt64(ctx, key)),
  }),
  getFloat: ({ key = '' }, manager, ctx) => ({ r: floatTyped(manager.getFloat(ctx, key)) }),
  getBytes: ({ key = '' }, manager, ctx) => ({ r: bytesTyped(manager.getBytes(ctx, key)) }),
  getTime: ({ key = '' }, manager, ctx) => ({ r: timeTyped(manager.getTime(ctx, key)) }),
  popString: ({ key = '' }, manager, ctx) => ({ r: stringTyped(manager.popString(ctx, key)) }),
  popBool: ({ key = '' }, manager, ctx) => ({ r: boolTyped(manager.popBool(ctx, key)) }),
  popInt: ({ key = '' }, manager, ctx) => ({ r: integerTyped('int', manager.popInt(ctx, key)) }),
  popInt32: ({ key = '' }, manager, ctx) => ({
    r: integerTyped('int32', manager.popInt32(ctx, key)),
  }),
  popInt64: ({ key = '' }, manager, ctx) => ({
    r: integerTyped('int64', manager.popInt64(ctx, key)),
  }),
  popFloat: ({ key = '' }, manager, ctx) => ({ r: floatTyped(manager.popFloat(ctx, key)) }),
  popBytes: ({ key = '' }, manager, ctx) => ({ r: bytesTyped(manager.popBytes(ctx, key)) }),
  popTime: ({ key = '' }, manager, ctx) => ({ r: timeTyped(manager.popTime(ctx, key)) }),

  token: (_, manager, ctx) => ({ r: manager.token(ctx) }),
  status: (_, manager, ctx) => ({ r: capitalised(manager.status(ctx)) }),
  deadline: (_, manager, ctx) => ({ r: timeTyped(manager.deadline(ctx)) }),
  setDeadline: (operation, manager, ctx) => {
    manager.setDeadline(ctx, timeOf(operation) ?? new Date(zeroTime))
    return undefined
  },
  rememberMe: ({ v }, manager, ctx) => void manager.rememberMe(ctx, v === true),
  async destroy(_, manager, ctx) {
    await manager.destroy(ctx)
    return undefined
  },
  async renewToken(_, manager, ctx) {
    await manager.renewToken(ctx)
    return undefined
  },
  async mergeSession({ token = '' }, manager, ctx) {
    await manager.mergeSession(ctx, token)
    return undefined
  },
  async commit(_, manager, ctx) {
    const committed = await manager.commit(ctx)
    return committed === undefined
      ? { token: '', expiry: timeTyped(undefined) }
      : { token: committed.token, expiry: timeTyped(committed.expiry) }
  },
  writeSessionCookie: (operation, manager, ctx, { res }) => {
    // After the first byte Go sets a header that nobody is sent.
    if (!res.headersSent) {
      manager.writeSessionCookie(ctx, res, operation.token ?? '', timeOf(operation))
    }
    return undefined
  },
  async iterate({ ops = [], stop }, manager, ctx, exchange) {
    const sessions: { results: Result[] }[] = []
    const fields: Fields = { sessions }
    try {
      await manager.iterate(ctx, async (session) => {
        const results: Result[] = []
        sessions.push({ results })
        await perform(ops, session, exchange, results)
        if (stop) throw new Error(stop)
      })
    } catch (error) {
      if (error instanceof Panic) throw error
      const panic = panicOf(error)
      if (panic === undefined) fields.err = messageOf(error)
      else fields.panic = panic
    }
    if (sessions.length === 0) delete fields.sessions
    return fields
  },
  async loadNew({ token = '', ops = [] }, manager, _, exchange) {
    let loaded: Context
    try {
      loaded = await manager.load(background(), token)
    } catch (error) {
      return { err: messageOf(error), nilCtx: true }
    }
    return { results: await perform(ops, loaded, exchange, []) }
  },
  async loadSame({ token = '' }, manager, ctx) {
    return { sameCtx: (await manager.load(ctx, token)) === ctx }
  },
  async noCtx({ ops = [] }, _manager, _ctx, exchange) {
    return { results: await perform(ops, background(), exchange, []) }
  },

  writeBody: ({ body = '' }, _manager, _ctx, { res }) => ({ ...write(res, body) }),
  copyBody: ({ body = '' }, _manager, _ctx, { res }) =>
    body === '' ? { n: 0 } : { ...write(res, body) },
  writeResults: (_operation, _manager, _ctx, { res, results }) => {
    for (const result of results.slice(0, -1)) write(res, `${goJson(result)}\n`)
    return undefined
  },
  writeHeader: ({ code = 200 }, _manager, _ctx, { res }) => void writeHeader(res, code),
  httpError: ({ body = '', code = 500 }, _manager, _ctx, { res }) =>
    void httpError(res, body, code),
  redirect: ({ value = '', code = 302 }, _manager, _ctx, { req, res }) =>
    void redirect(req, res, value, code),
  flush: (_operation, _manager, _ctx, { res }) => {
    res.flushHeaders()
    return { ok: true }
  },
  setHeader: ({ name = '', value = '' }, _manager, _ctx, { res }) =>
    void setHeader(res, name, value),
  addHeader: ({ name = '', value = '' }, _manager, _ctx, { res }) =>
    void addHeader(res, name, value),
  delHeader: ({ name = '' }, _manager, _ctx, { res }) => void removeHeader(res, name),
  header: ({ name = '' }, _manager, _ctx, { res }) => ({ r: headerLines(res, name) }),
  setCookie: ({ name = '', value = '' }, _manager, _ctx, { res }) =>
    void setCookie(res, name, value),
  async sleep({ ms = 0 }) {
    await sleep(ms)
    return undefined
  },
  panic: ({ body = '' }) => {
    throw new Panic(body)
  },
}

function managerOf({ m = 0 }: Operation, { managers }: Exchange): SessionManager {
  const manager = managers[m]
  if (manager === undefined) throw new TypeError(`there is no manager ${m}`)
  return manager
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn()
}

const noSession = 'scs: no session data in context'

// What SCS panics with, in its words: the advice that follows them here is the package's own.
function panicOf(error: unknown): string | undefined {
  if (!(error instanceof SessionError)) return undefined
  if (error.code === 'ERR_SESSION_NOT_ITERABLE') return error.message
  if (error.code !== 'ERR_SESSION_NOT_LOADED') return undefined
  return error.message.startsWith(noSession) ? noSession : error.message
}

function timeOf({ inMs, at }: Operation): Date | undefined {
  if (at === 'zero') return undefined
  return at === undefined ? new Date(Date.now() + (inMs ?? 0)) : new Date(at)
}

function boolTyped(value: boolean): Typed {
  return { t: 'bool', v: value }
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
