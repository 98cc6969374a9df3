import type { Context } from './context.ts'
import type { SessionValues } from './session/session-values.ts'
import type { SessionManager } from './session-manager.ts'

/**
 * The parameter type of a helper that works with several session managers. Without `Needs`, it
 * takes every manager, and values are `any`. With `Needs`, it takes each manager whose values
 * include these, and reads and writes no others.
 *
 * ```ts
 * function notice(sessions: AnySessionManager<{ flash: string }>, ctx: Context): string {
 *   return sessions.popString(ctx, 'flash')
 * }
 * ```
 */
// biome-ignore lint/suspicious/noExplicitAny: of whatever values
export type AnySessionManager<Needs extends SessionValues<Needs> = any> = Omit<
  SessionManager<Needs>,
  'keys'
> & {
  /** As `keys` of {@link SessionManager}; others may be among them. */
  keys(ctx: Context): string[]
}
