import { kindOf } from './kind-of.ts'

/**
 * Throws a TypeError unless `value` is a session manager: for adapters, which may have been given to a framework without
 * a call. Whatever has a manager's methods is one: it may come from another copy of this package, or be a test's.
 *
 * @param usage how the adapter is used: `'app.use(loadAndSave(sessionManager))'`
 */
export function checkManager(value: unknown, usage: string): void {
  const isManager =
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { loadAndSave?: unknown }).loadAndSave === 'function'
  if (isManager) return
  throw new TypeError(
    `loadAndSave takes a SessionManager, and was given ${kindOf(value)}: write ${usage}`,
  )
}
