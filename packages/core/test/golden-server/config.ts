import {
  type Codec,
  type SessionCookie,
  SessionManager,
  type SessionManagerOptions,
} from '../../src/index.ts'
import { errorFuncs } from './error-funcs.ts'
import { GobStandIn } from './gob-stand-in.ts'
import { PlainJsonCodec } from './plain-json-codec.ts'
import { type Iface, type Pace, RecordedStore } from './recorded-store.ts'

/** The `config` of a transcript. Everything may be left out. */
export interface Config {
  readonly stores?: Readonly<Record<string, StoreConfig>>
  readonly managers?: readonly ManagerConfig[]
  /** The managers whose middleware wraps the handler, outermost first. */
  readonly layers?: readonly number[]
  readonly outerHeaders?: readonly (readonly [string, string])[]
  readonly outerRecover?: boolean
  /** Nothing to do here: the types that Go wants registered are always known. */
  readonly registerGob?: boolean
}

/** One store: in memory always, with the methods that `iface` names. */
export interface StoreConfig {
  readonly kind?: string
  readonly dsn?: string
  readonly iface?: string
}

/** One session manager. */
export interface ManagerConfig {
  readonly lifetimeMs?: number
  readonly idleTimeoutMs?: number
  readonly hashTokenInStore?: boolean
  readonly codec?: string
  readonly errorFunc?: string
  readonly store?: string
  readonly cookie?: CookieConfig
}

/** The cookie settings of a manager. */
export interface CookieConfig {
  readonly name?: string
  readonly domain?: string
  readonly httpOnly?: boolean
  readonly path?: string
  readonly sameSite?: string
  readonly secure?: boolean
  readonly partitioned?: boolean
  readonly persist?: boolean
}

const codecs: Readonly<Record<string, Codec>> = {
  gob: new GobStandIn(),
  json: new PlainJsonCodec(),
}

/** The stores of a transcript, by name. A store decodes what it records with the codec of the managers that use it. */
export function storesOf(
  config: Config,
  record: (call: object) => void,
  pace: Pace,
): Map<string, RecordedStore> {
  const named = Object.entries(config.stores ?? {})
  const managers = config.managers ?? [{}]
  const names = new Set([...named.map(([name]) => name), ...managers.map(storeName)])
  return new Map(
    [...names].map((name) => {
      const { kind = '', iface = '' } = config.stores?.[name] ?? {}
      if (kind !== '' && kind !== 'mem') {
        throw new TypeError(`stores.${name}.kind must be "mem"; it is ${JSON.stringify(kind)}`)
      }
      const users = managers.filter((manager) => storeName(manager) === name)
      const used = new Set(users.map(({ codec }) => codecOf(codec)))
      const decoders = used.size === 0 ? [codecOf(undefined)] : [...used]
      return [name, new RecordedStore(name, ifaceOf(name, iface), decoders, record, pace)]
    }),
  )
}

/** The managers of a transcript, in order. Throws the TypeError of a setting that is refused, saying which manager's. */
export function managersOf(
  config: Config,
  stores: ReadonlyMap<string, RecordedStore>,
): SessionManager[] {
  return (config.managers ?? [{}]).map((manager, index) => {
    try {
      return new SessionManager(optionsOf(manager, stores))
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      throw new TypeError(`managers[${index}]: ${problem}`, { cause: error })
    }
  })
}

/** The cookie settings under the names and in the values of this package. */
export function cookieOptions(cookie: CookieConfig): Partial<SessionCookie> {
  const { sameSite, ...rest } = cookie
  return sameSite === undefined ? rest : { ...rest, sameSite: sameSiteOf(sameSite) }
}

function optionsOf(
  manager: ManagerConfig,
  stores: ReadonlyMap<string, RecordedStore>,
): SessionManagerOptions {
  const store = stores.get(storeName(manager))
  const errorFunc = errorFuncs[manager.errorFunc ?? '']
  if (manager.errorFunc && errorFunc === undefined) {
    throw new TypeError(`errorFunc must be "custom", "silent" or ""; it is ${manager.errorFunc}`)
  }
  // Go's zero duration is no timeout; here that is left out.
  const idleTimeout = manager.idleTimeoutMs === 0 ? undefined : manager.idleTimeoutMs
  return {
    store: store?.shown,
    lifetime: manager.lifetimeMs,
    idleTimeout,
    hashTokenInStore: manager.hashTokenInStore,
    codec: codecOf(manager.codec),
    cookie: cookieOptions(manager.cookie ?? {}),
    errorFunc,
    ...(idleTimeout === undefined ? {} : { touchInterval: 0 }),
    unreadable: 'fail',
  }
}

function codecOf(name: string | undefined): Codec {
  const codec = codecs[name || 'gob']
  if (codec === undefined) throw new TypeError(`codec must be "gob" or "json"; it is ${name}`)
  return codec
}

function storeName(manager: ManagerConfig): string {
  return manager.store || 'S'
}

function ifaceOf(name: string, iface: string): Iface {
  if (iface === '' || iface === 'ctx' || iface === 'findctx' || iface === 'noiter') return iface
  throw new TypeError(
    `stores.${name}.iface must be "", "ctx", "findctx" or "noiter"; it is ${JSON.stringify(iface)}`,
  )
}

function sameSiteOf(sameSite: string): SessionCookie['sameSite'] {
  // What is not known goes on as it is: the manager refuses it.
  return sameSite === '0' || sameSite === 'default' || sameSite === ''
    ? false
    : (sameSite as SessionCookie['sameSite'])
}
