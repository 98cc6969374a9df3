import type { Context } from '@scs/core'
import type { DrizzleStore } from '@scs/drizzle-store'

/** One store whose calls go to one of `stores` after another: each finds what the last one did elsewhere. */
export function inTurn(stores: readonly DrizzleStore[]) {
  let calls = 0
  const next = () => stores[calls++ % stores.length] as DrizzleStore
  return {
    findCtx: (ctx: Context, token: string) => next().findCtx(ctx, token),
    commitCtx: (...args: Parameters<DrizzleStore['commitCtx']>) => next().commitCtx(...args),
    deleteCtx: (ctx: Context, token: string) => next().deleteCtx(ctx, token),
    findWithExpiry: (ctx: Context, token: string) => next().findWithExpiry(ctx, token),
    touch: (...args: Parameters<DrizzleStore['touch']>) => next().touch(...args),
    swap: (...args: Parameters<DrizzleStore['swap']>) => next().swap(...args),
    scan: (ctx: Context) => next().scan(ctx),
  }
}
