import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Codec } from './codec.ts'
import type { Context } from './context.ts'
import type { SessionCookie } from './cookie.ts'
import { type CheckedOptions, optionNames } from './options.ts'
import type { SessionStore } from './store.ts'
import { TypedValues } from './typed-values.ts'

/**
 * What a session manager was configured with, defaults included. An assignment throws a TypeError that names the option,
 * also in code that is not strict, where a readonly property would ignore it. Subclasses and tests may define others.
 */
export abstract class ShownOptions<Values extends object> extends TypedValues<Values> {
  /** Milliseconds; see {@link SessionManagerOptions.lifetime}. */
  declare readonly lifetime: number
  /** Milliseconds, 0 or `undefined` for none; see {@link SessionManagerOptions.idleTimeout}. */
  declare readonly idleTimeout: number | undefined
  /** Milliseconds; see {@link SessionManagerOptions.touchInterval}. */
  declare readonly touchInterval: number
  /** See {@link SessionManagerOptions.store}. */
  declare readonly store: SessionStore
  /** See {@link SessionManagerOptions.codec}. */
  declare readonly codec: Codec
  /** The cookie's settings with their defaults, readonly too. */
  declare readonly cookie: Readonly<SessionCookie>
  /** Bytes, 0 for no limit; see {@link SessionManagerOptions.maxSize}. */
  declare readonly maxSize: number
  /** See {@link SessionManagerOptions.hashTokenInStore}. */
  declare readonly hashTokenInStore: boolean
  /** See {@link SessionManagerOptions.unreadable}. */
  declare readonly unreadable: 'fresh' | 'fail'
  /** Milliseconds, 0 for no limit; see {@link SessionManagerOptions.storeTimeout}. */
  declare readonly storeTimeout: number
  /** See {@link SessionManagerOptions.errorFunc}. */
  declare readonly errorFunc: (req: IncomingMessage, res: ServerResponse, error: unknown) => unknown
  /** See {@link SessionManagerOptions.onError}; for middleware of one's own. */
  declare readonly onError: (error: unknown, ctx: Context) => void

  // On the prototype: properties of each instance with a setter would make it slow.
  static {
    for (const name of Object.keys(optionNames)) {
      Object.defineProperty(ShownOptions.prototype, name, {
        configurable: true,
        enumerable: true,
        get(this: ShownOptions<object> | undefined) {
          if (this) return this.#option(name)
          // vi.spyOn calls a getter without its object.
          return function (this: ShownOptions<object>, ...args: unknown[]): unknown {
            return (this.#option(name) as (...args: unknown[]) => unknown)(...args)
          }
        },
        set() {
          throw unchangeable(name)
        },
      })
    }
  }

  readonly #options: CheckedOptions

  constructor(options: CheckedOptions) {
    super()
    this.#options = { ...options, cookie: readonlyView('cookie.', options.cookie) }
  }

  #option(name: string): unknown {
    return this.#options[name as keyof CheckedOptions]
  }
}

function readonlyView<T extends object>(path: string, settings: T): T {
  return new Proxy(settings, {
    set(_settings, name) {
      throw unchangeable(path + String(name))
    },
  })
}

function unchangeable(name: string): TypeError {
  return new TypeError(`the option ${name} cannot be changed: give it to new SessionManager`)
}
