import {
  type AtomicStore,
  type CtxStore,
  checkOptions,
  type OptionNames,
  ResolvedStore,
  type ScannableStore,
  type SessionStore,
} from '@scs/core'
import { swapAcross } from './swap-across.ts'

/** The two stores of {@link migratingStore}. */
export interface MigratingStores<S extends SessionStore = SessionStore> {
  /**
   * The store that is to be left: its sessions stay in it until they end, renewed ones too, and no
   * new one comes.
   */
  from: S
  /** The store that is to be used: new sessions go there. */
  to: S
}

const storeNames: OptionNames<MigratingStores> = { from: true, to: true }

/**
 * Two stores as one, for the move from one to another without logging anybody out: a session stays
 * in the store where it is, and new ones go to `to`. As no session is ever in both, each step is
 * one step of the store that has it: no change is lost and no logout undone, whatever crashes or
 * comes at once.
 *
 * - A session that is not in `to` is looked for in `from`. Both must be reachable.
 * - It has AtomicStore when both stores have it, and `scan` when both can list their sessions.
 *   Without AtomicStore it is as any plain store: the last writer wins.
 * - A renewed session stays in `from` as well, with its new deadline; on plain stores it moves to
 *   `to`.
 * - A session that absorbs one of the other store: that one is deleted first. If the step that
 *   writes the session then fails, the absorbed one is not put back, and its data is lost.
 *
 * Throws a TypeError that names the store that is none, and when both are the same.
 */
export function migratingStore(
  stores: MigratingStores<SessionStore & AtomicStore>,
): CtxStore & AtomicStore & Partial<ScannableStore>
export function migratingStore(stores: MigratingStores): CtxStore & Partial<ScannableStore>
export function migratingStore(stores: MigratingStores): CtxStore & Partial<ScannableStore> {
  checkOptions('migratingStore', stores, storeNames)
  const from = accessTo('from', stores.from)
  const to = accessTo('to', stores.to)
  if (stores.from === stores.to) {
    throw new TypeError('from and to are the same store: nothing would move')
  }
  const store: CtxStore & Partial<ScannableStore> = {
    findCtx: async (ctx, token) => (await to.find(ctx, token)) ?? from.find(ctx, token),
    async commitCtx(ctx, token, data, expiry) {
      const { commit } = (await from.find(ctx, token)) ? from : to
      await commit(ctx, token, data, expiry)
    },
    async deleteCtx(ctx, token) {
      await to.delete(ctx, token)
      await from.delete(ctx, token)
    },
    ...(from.sessions && to.sessions && bothScannable(from.sessions, to.sessions)),
  }
  return from.atomic && to.atomic ? { ...store, ...bothAtomic(from.atomic, to.atomic) } : store
}

// A touch that `to` refuses: it does not have the session.
function bothAtomic(from: AtomicStore, to: AtomicStore): AtomicStore {
  return {
    findWithExpiry: async (...call) =>
      (await to.findWithExpiry(...call)) ?? from.findWithExpiry(...call),
    touch: async (...call) => (await to.touch(...call)) || from.touch(...call),
    swap: (ctx, swap) => swapAcross(from, to, ctx, swap),
  }
}

type Sessions = NonNullable<ResolvedStore['sessions']>

function bothScannable(from: Sessions, to: Sessions): ScannableStore {
  return {
    async *scan(ctx) {
      yield* await to(ctx)
      yield* await from(ctx)
    },
  }
}

function accessTo(name: string, store: SessionStore): ResolvedStore {
  try {
    return new ResolvedStore(store)
  } catch (error) {
    throw new TypeError(`${name}: ${error instanceof Error ? error.message : error}`)
  }
}
