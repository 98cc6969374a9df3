import type { Context } from '../context.ts'
import type { Awaitable } from '../util/promises.ts'

/**
 * The place where sessions are stored, as SCS's `Store`. A store holds bytes under a token until
 * they expire; it does not interpret them.
 *
 * Every store promises: tokens are compared byte for byte; bytes come back as they went in, up to 1
 * MB at the least; a throw or rejection means that the store itself failed, never "no such
 * session"; a commit keeps everything in a row that does not belong to the store (a user's extra
 * columns, child rows). `@scs/store-tests` checks all of it.
 */
export interface Store {
  /**
   * The data under `token`; `undefined` when there is none, when it has expired, or when the token
   * is malformed.
   */
  find(token: string): Awaitable<Uint8Array | undefined>
  /**
   * Stores `data` under `token` until `expiry`. An existing row gets new data **and** a new expiry,
   * even an earlier one.
   */
  commit(token: string, data: Uint8Array, expiry: Date): Awaitable<unknown>
  /** Removes the row; does nothing when there is none. */
  delete(token: string): Awaitable<unknown>
}

/**
 * {@link Store} with the request's context, as SCS's `CtxStore`. When a store has both forms of a
 * method, this one is called.
 */
export interface CtxStore {
  /** As {@link Store.find}. `ctx.signal` is aborted when the client disconnects. */
  findCtx(ctx: Context, token: string): Awaitable<Uint8Array | undefined>
  /** As {@link Store.commit}. The context of a write carries no signal. */
  commitCtx(ctx: Context, token: string, data: Uint8Array, expiry: Date): Awaitable<unknown>
  /** As {@link Store.delete}. The context of a write carries no signal. */
  deleteCtx(ctx: Context, token: string): Awaitable<unknown>
}

/** A store that can list its sessions, as SCS's `IterableStore`. */
export interface IterableStore {
  /**
   * Every live session by token; an empty Map when there is none. All of them are in memory at
   * once.
   */
  all(): Awaitable<Map<string, Uint8Array>>
}

/** {@link IterableStore} with a context, as SCS's `IterableCtxStore`. */
export interface IterableCtxStore {
  /** As {@link IterableStore.all}. */
  allCtx(ctx: Context): Awaitable<Map<string, Uint8Array>>
}

/** A live row, and the bytes that it must hold. */
export interface SwapRow {
  /** The token that the row is filed under. */
  readonly token: string
  /** Its bytes. */
  readonly data: Uint8Array
}

/**
 * One step that writes a session, moves it to another token, or takes other sessions out. See
 * {@link AtomicStore.swap}.
 */
export interface Swap {
  /** The session to write over. `undefined`: a new session. */
  readonly from: SwapRow | undefined
  /** The session after the step. With another token than that of `from`, the session moves. */
  readonly to: SwapRow & { readonly expiry: Date }
  /** Other sessions that are deleted in the same step. Usually empty. */
  readonly absorbed: readonly SwapRow[]
}

/**
 * Keeps concurrent requests from losing each other's changes; SCS has no counterpart. All three
 * methods or none: a store that lacks one is refused at construction. A live session is one that
 * has not expired.
 */
export interface AtomicStore {
  /**
   * As {@link CtxStore.findCtx}, with the expiry that the row was last given, to the millisecond.
   */
  findWithExpiry(
    ctx: Context,
    token: string,
  ): Awaitable<{ data: Uint8Array; expiry: Date } | undefined>
  /**
   * Moves the expiry of a live session, both ways; its data is neither sent nor touched. `false`
   * when it is gone.
   */
  touch(ctx: Context, token: string, expiry: Date): Awaitable<boolean>
  /**
   * Compare-and-swap: all of {@link Swap} in one step, or nothing.
   *
   * - `true`: `to` is written, `from` has gone when its token was another one, and every absorbed
   *   session has gone. They are never found again.
   * - `false`: a session is gone, has expired or holds other bytes, or another row has `to.token`,
   *   whether it has expired or not. Nothing was written.
   * - An error: it is not known whether the step was done.
   *
   * The caller makes sure that `from` and `absorbed` have different tokens, and that `to.token` is
   * none of `absorbed`; {@link ResolvedStore} throws a TypeError otherwise. A store that cannot do
   * it in one step says so in its documentation.
   */
  swap(ctx: Context, swap: Swap): Awaitable<boolean>
}

/**
 * A store that can walk through its sessions in bounded memory. Preferred to
 * {@link IterableStore.all}.
 */
export interface ScannableStore {
  /**
   * Every session that lives under one token throughout, at least once, in pages: memory does not
   * grow with their number. One may come twice; one renewed meanwhile may be missed.
   */
  scan(ctx: Context): AsyncIterable<readonly [token: string, data: Uint8Array]>
}

/**
 * A store that a session manager takes: a whole {@link Store} or a whole {@link CtxStore}, and any
 * of the rest. The method for each operation is chosen once, when the manager is made.
 */
export type SessionStore = (Store | CtxStore) &
  (AtomicStore | { [K in keyof AtomicStore]?: undefined }) &
  Partial<Store & CtxStore & IterableStore & IterableCtxStore & ScannableStore>
