import type { Config, ManagerConfig } from '../golden-server/config.ts'
import type { Operation } from '../golden-server/operations.ts'
import { fromTyped, type Typed, toTyped } from '../golden-server/typed-values.ts'
import type { CallEntry, Out, RequestSpec, ResultEntry } from './transcript.ts'

/** A row of a store, in the placeholders of the transcript. */
export interface Row {
  readonly values: Record<string, Typed>
  readonly deadline: string
  readonly expiry: string
  /** The rule by which it is not what SCS stored. */
  readonly cause?: string | undefined
}

/** What a store holds, by store and token. */
export type Rows = Map<string, Row>

/** One step of a transcript, as the rules of departures.ts see and change it. */
export interface Scene {
  readonly config: Config
  /** The requests of the step: several in a parallel one, none in others. */
  readonly requests: readonly RequestSpec[]
  /** The store whose rows the step asks for. */
  readonly dumped?: string | undefined
  /** What is expected; the rules change it. */
  readonly out: Out
  /** What the stores held before the step, in SCS and here. */
  readonly theirs: Rows
  readonly ours: Rows
  /** Rows that SCS has and we have not, each with the rule by which that is so. */
  readonly gone: ReadonlyMap<string, string>
  /** The store calls that fail, by store and call, and how often still. */
  readonly failing: ReadonlyMap<string, { readonly msg: string; readonly count: number }>
}

/** A scene of one request. */
export interface RequestScene extends Scene {
  readonly ops: readonly Operation[]
  readonly results: ResultEntry[]
  readonly calls: CallEntry[]
}

/** The scene as one of a single request with a response; `undefined` for others. */
export function singleRequest(scene: Scene): RequestScene | undefined {
  const [request] = scene.requests
  if (request === undefined || scene.requests.length > 1) return undefined
  scene.out.calls ??= []
  scene.out.results ??= []
  return {
    ...scene,
    ops: request.ops ?? [],
    results: scene.out.results,
    calls: scene.out.calls,
  }
}

/** The manager that an operation names. */
export function managerOf(config: Config, operation?: Operation): ManagerConfig {
  return config.managers?.[operation?.m ?? 0] ?? {}
}

/** The name of a manager's cookie. */
export function cookieName(manager: ManagerConfig): string {
  return manager.cookie?.name ?? 'session'
}

/** The key of a row in {@link Rows}. */
export function rowKey(store: string, token: string | undefined): string {
  return `${store} ${token ?? ''}`
}

/** The session that a request of one manager came with, if it was found. */
export function foundSession(scene: RequestScene): CallEntry | undefined {
  return scene.calls.find(({ call, found }) => call.startsWith('find') && found === true)
}

/** The rows after `calls`. */
export function applyCalls(rows: Rows, calls: readonly CallEntry[]): void {
  for (const { call, store, token, err, values, deadline, expiry } of calls) {
    if (err !== undefined) continue
    const key = rowKey(store, token)
    if (call.startsWith('delete')) rows.delete(key)
    if (call.startsWith('commit')) {
      rows.set(key, {
        values: { ...values },
        deadline: deadline ?? '',
        expiry: expiry ?? '',
      })
    }
  }
}

/** Notes at each row that is not as in SCS why: the latest rule, or what was noted before. */
export function explainRows(
  ours: Rows,
  theirs: Rows,
  gone: Map<string, string>,
  cause: string | undefined,
): void {
  for (const [key, row] of ours) {
    const other = theirs.get(key)
    const same = other && JSON.stringify(sortedValues(row)) === JSON.stringify(sortedValues(other))
    ours.set(key, { ...row, cause: same ? undefined : (row.cause ?? cause) })
  }
  for (const key of gone.keys()) if (ours.has(key) || !theirs.has(key)) gone.delete(key)
  for (const key of theirs.keys()) {
    if (!ours.has(key) && !gone.has(key) && cause !== undefined) gone.set(key, cause)
  }
}

function sortedValues(row: Row): unknown {
  return Object.entries(row.values).sort(([a], [b]) => (a < b ? -1 : 1))
}

/** What a session's values are after operations on it. Typed getters and unknown operations change nothing. */
export function valuesAfter(
  values: Readonly<Record<string, Typed>>,
  operations: readonly Operation[],
): Record<string, Typed> {
  const after: Record<string, Typed> = { ...values }
  for (const { op, key = '', t = 'nil', v, hex, bits } of operations) {
    if (op === 'put') {
      const typed = {
        t,
        v,
        ...(hex === undefined ? {} : { hex }),
        ...(bits === undefined ? {} : { bits }),
      }
      define(after, key, toTyped(fromTyped(typed)))
    } else if (op === 'rememberMe') define(after, '__rememberMe', { t: 'bool', v })
    else if (op === 'remove' || op.startsWith('pop')) delete after[key]
    else if (op === 'clear') {
      for (const name of Object.keys(after)) if (name !== '__rememberMe') delete after[name]
    }
  }
  return after
}

/** Whether operations change the values of a session; one that takes away does where there is something. */
export function changesValues(
  values: Readonly<Record<string, Typed>>,
  operations: readonly Operation[],
): boolean {
  return operations.some(({ op, key = '' }, index) => {
    if (op === 'put' || op === 'rememberMe' || op === 'setDeadline') return true
    const before = valuesAfter(values, operations.slice(0, index))
    if (op === 'remove' || op.startsWith('pop')) return Object.hasOwn(before, key)
    return op === 'clear' && Object.keys(before).some((name) => name !== '__rememberMe')
  })
}

/** The Set-Cookie line of a manager in SCS's order, with placeholders. */
export function cookieLine(
  manager: ManagerConfig,
  token: string,
  expiry: string | undefined,
  persistent: boolean,
): string {
  const { cookie = {} } = manager
  const sameSite = { lax: 'Lax', strict: 'Strict', none: 'None' }[cookie.sameSite ?? 'lax']
  return [
    `${cookieName(manager)}=${token}`,
    cookie.path === '' ? '' : `Path=${cookie.path ?? '/'}`,
    cookie.domain ? `Domain=${cookie.domain}` : '',
    ...lifespan(expiry, persistent),
    cookie.httpOnly === false ? '' : 'HttpOnly',
    cookie.secure ? 'Secure' : '',
    sameSite ? `SameSite=${sameSite}` : '',
    cookie.partitioned ? 'Partitioned' : '',
  ]
    .filter((part) => part !== '')
    .join('; ')
}

function lifespan(expiry: string | undefined, persistent: boolean): string[] {
  if (expiry === undefined) return ['Expires=Thu, 01 Jan 1970 00:00:01 GMT', 'Max-Age=0']
  if (!persistent) return []
  const ahead = /^<now\+([\d.]+)s>$/.exec(expiry)?.[1]
  const end = ahead === undefined ? expiry : `now+${ahead}s`
  const age = ahead === undefined ? '<until Expires>' : String(Math.ceil(Number(ahead)))
  return [`Expires=<ceil ${end}>`, `Max-Age=${age}`]
}

// An assignment to __proto__ would set the prototype.
function define(values: Record<string, Typed>, key: string, value: Typed): void {
  Object.defineProperty(values, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}
