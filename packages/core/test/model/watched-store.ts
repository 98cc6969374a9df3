import type {
  AtomicStore,
  Awaitable,
  Context,
  CtxStore,
  IterableCtxStore,
  Swap,
} from '../../src/index.ts'
import { andThen } from '../../src/util/promises.ts'
import type { History } from './history.ts'
import { type RequestLog, requestKey } from './request-log.ts'

/** Lets a call through to the store when it wants, and its answer back; may fail before, or after. */
export type Passage = <T>(call: string, act: () => Awaitable<T>) => Awaitable<T>

/** What can be watched. `Ctx` is the context as the store knows it: a built package has another type for it. */
export interface Watched<Ctx> {
  find(token: string): Awaitable<Uint8Array | undefined>
  all?(): Awaitable<Map<string, Uint8Array>>
  delete(token: string): Awaitable<unknown>
  findWithExpiry(ctx: Ctx, token: string): ReturnType<AtomicStore['findWithExpiry']>
  touch(ctx: Ctx, token: string, expiry: Date): Awaitable<boolean>
  swap(ctx: Ctx, swap: Swap): Awaitable<boolean>
}

/** A store whose effects the oracle hears of, each at the moment when it is done. */
export class WatchedStore<Ctx> implements CtxStore, AtomicStore, IterableCtxStore {
  readonly #inner: Watched<Ctx>
  readonly #innerCtx: Ctx
  readonly #history: History
  readonly #passage: Passage

  constructor(inner: Watched<Ctx>, ctx: Ctx, history: History, passage: Passage) {
    this.#inner = inner
    this.#innerCtx = ctx
    this.#history = history
    this.#passage = passage
  }

  findCtx(ctx: Context, token: string) {
    const log = logOf(ctx)
    return this.#passage('find', () =>
      andThen(this.#inner.find(token), (data) => {
        log.saw(token, data)
        return data
      }),
    )
  }

  findWithExpiry(ctx: Context, token: string) {
    const log = logOf(ctx)
    return this.#passage('findWithExpiry', () =>
      andThen(this.#inner.findWithExpiry(this.#innerCtx, token), (row) => {
        log.saw(token, row?.data)
        return row
      }),
    )
  }

  async allCtx(): Promise<Map<string, Uint8Array>> {
    return this.#passage('find all', () => this.#inner.all?.() ?? new Map())
  }

  // A store with atomic methods is written by `swap` alone.
  commitCtx(): never {
    throw new TypeError('commit was called on a store with atomic methods')
  }

  deleteCtx(ctx: Context, token: string) {
    const log = logOf(ctx)
    log.deletes(token)
    return this.#passage('delete', () =>
      andThen(this.#inner.delete(token), () => this.#history.deleted(log, token)),
    )
  }

  swap(ctx: Context, swap: Swap) {
    const log = logOf(ctx)
    const { moment } = log.work
    this.#history.sends(log)
    log.sends(swap)
    return this.#passage('swap', () =>
      andThen(this.#inner.swap(this.#innerCtx, swap), (done) => {
        if (done) this.#history.swapped(log, moment, swap)
        return done
      }),
    )
  }

  touch(ctx: Context, token: string, expiry: Date) {
    const log = logOf(ctx)
    return this.#passage('touch', () =>
      andThen(this.#inner.touch(this.#innerCtx, token, expiry), (done) => {
        if (done) this.#history.touched(log, token)
        return done
      }),
    )
  }
}

function logOf(ctx: Context): RequestLog {
  const log = ctx.value(requestKey)
  if (!log) throw new TypeError('a write that does not carry its request')
  return log
}
