import type { OptionNames } from './check-options.ts'
import { cookieNames } from './cookie.ts'
import { hour, minute } from './duration.ts'
import { checkOptionNames, optionNames, type SessionManagerOptions } from './options.ts'

/**
 * Options for production, stricter than SCS's defaults: the cookie is `__Host-session`, `secure`, and ends with the browser
 * (`persist: false`); `hashTokenInStore`; an idle timeout of 30 minutes and a lifetime of 12 hours. Everything else keeps its
 * default. docs/security.md says which requirements of OWASP these meet.
 *
 * What `options` gives is taken, also where it is weaker; what it leaves out, or gives as `undefined` or `null`, is filled in.
 * Inherited options count as given. `options` is not changed. Throws a TypeError for what is no object of options, a store for one, and for an option that does not exist;
 * `new SessionManager(hardened(options))` throws the one that names an invalid option. A `cookie.domain`, another `cookie.path`, or
 * `secure: false` needs a `cookie.name` without the prefix `__Host-`, too.
 *
 * ```ts
 * const sessionManager = new SessionManager(hardened({ store, idleTimeout: 15 * minute }))
 * ```
 */
export function hardened(options: SessionManagerOptions = {}): SessionManagerOptions {
  checkOptionNames(options)
  const { cookie } = options
  return {
    ...filledIn(options, optionNames, {
      lifetime: 12 * hour,
      idleTimeout: 30 * minute,
      hashTokenInStore: true,
    }),
    // What is no object is left for the manager to refuse.
    cookie:
      cookie === undefined || (typeof cookie === 'object' && cookie !== null)
        ? filledIn(cookie ?? {}, cookieNames, {
            name: '__Host-session',
            secure: true,
            persist: false,
          })
        : cookie,
  }
}

// By name, as a manager reads them: an instance of a class may inherit its options. What else is there is refused by the
// manager, so it is kept. null is a default to the manager, too.
function filledIn<T extends object>(given: T, names: OptionNames<T>, defaults: Partial<T>): T {
  const result = { ...given }
  for (const option of Object.keys(names) as (keyof T & string)[]) {
    const value = given[option] ?? defaults[option] ?? given[option]
    if (value !== undefined) result[option] = value
  }
  return result
}
