import type { Context } from './context.ts'
import type { SessionManager } from './session-manager.ts'
import type { SessionValues } from './session-values.ts'

/**
 * What a helper takes that works with several session managers. Without `Needs`: every one, whatever its values are; they
 * are `any` then. With `Needs`: each whose values include these, and no others can be read or written.
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
