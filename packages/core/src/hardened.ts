import { hour, minute } from './duration.ts'
import { checkOptionNames, type SessionManagerOptions } from './options.ts'

/**
 * Options for production, stricter than SCS's defaults: the cookie is `__Host-session`, `secure`, and ends with the browser
 * (`persist: false`); `hashTokenInStore`; an idle timeout of 30 minutes and a lifetime of 12 hours. Everything else keeps its
 * default. docs/security.md says which requirements of OWASP these meet.
 *
 * What `options` gives is taken, also where it is weaker; what it leaves out or gives as `undefined` is filled in. `options` is not
 * changed. Throws a TypeError for what is no object of options, a store for one, and for an option that does not exist;
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
    ...filledIn(options, {
      lifetime: 12 * hour,
      idleTimeout: 30 * minute,
      hashTokenInStore: true,
    }),
    // What is no object is left for the manager to refuse.
    cookie:
      cookie === undefined || (typeof cookie === 'object' && cookie !== null)
        ? filledIn(cookie ?? {}, { name: '__Host-session', secure: true, persist: false })
        : cookie,
  }
}

function filledIn<T extends object>(given: T, defaults: Partial<T>): T {
  const result = { ...given }
  for (const option of Object.keys(defaults) as (keyof T)[]) {
    const value = defaults[option]
    if (given[option] === undefined && value !== undefined) result[option] = value
  }
  return result
}
