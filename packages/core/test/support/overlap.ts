import {
  type AtomicStore,
  background,
  type Context,
  JsonCodec,
  SessionManager,
  type SessionManagerOptions,
} from '../../src/index.ts'
import { RecordingAtomicStore } from './stores.ts'

/** The two kinds of stores, and how many turns of the event loop each needs for an answer. */
export const kinds = Object.entries({ synchronous: 0, asynchronous: 3 })

/** When a call of the store fails: before it is done, after it, or before it, and it is done later. */
export const faults = ['before', 'after', 'late'] as const

export type Fault = (typeof faults)[number]

export type Values = Record<string, unknown>

export interface World {
  readonly store: RecordingAtomicStore
  readonly manager: SessionManager
  /** Another manager on the same store, as in another process. */
  readonly elsewhere: SessionManager
  readonly errors: unknown[]
  /** The token of a session that holds `values`. */
  session(values?: Values): Promise<string>
  /** What the store holds under `token`. */
  read(token: string | undefined): Values | undefined
  /** What the store holds, by token. */
  rows(): Record<string, Values>
}

/** A store that answers after so many turns of the event loop, and two managers. */
export function world(turns: number, options: SessionManagerOptions = {}): World {
  const store = new RecordingAtomicStore(turns)
  const errors: unknown[] = []
  const make = () =>
    new SessionManager({ store, onError: (error) => errors.push(error), ...options })
  const manager = make()
  return {
    store,
    manager,
    elsewhere: make(),
    errors,
    async session(values = { a: 1 }) {
      const ctx = await manager.load(background(), '')
      for (const [key, value] of Object.entries(values)) manager.put(ctx, key, value)
      const committed = await manager.commit(ctx)
      store.calls.length = 0
      return committed?.token ?? ''
    },
    read(token) {
      const bytes = store.memory.find(token ?? '')
      return bytes && valuesOf(bytes)
    },
    rows() {
      return Object.fromEntries([...store.memory.all()].map(([k, bytes]) => [k, valuesOf(bytes)]))
    },
  }
}

function valuesOf(bytes: Uint8Array): Values {
  const { values } = new JsonCodec().decode(bytes)
  values.delete('__write')
  return Object.fromEntries(values)
}

/** Calls `act` just before the store does a swap: the next one, or the one after as many as `skipped`. */
export function beforeSwap(store: RecordingAtomicStore, act: () => unknown, skipped = 0): void {
  const { swap } = store
  let left = skipped
  store.swap = (...args: Parameters<AtomicStore['swap']>) => {
    if (left-- > 0) return swap.apply(store, args)
    store.swap = swap
    const acted = act()
    return acted instanceof Promise
      ? acted.then(() => swap.apply(store, args))
      : swap.apply(store, args)
  }
}

/** All tries of the next commit fail, the first one as `when` says. */
export function outage(store: RecordingAtomicStore, when: Fault): void {
  for (const fault of [when, 'before', 'before', 'before'] as const) store.fault(fault)
}

export const load = (manager: SessionManager, token: string | undefined): Promise<Context> =>
  manager.load(background(), token)

export const increment = (n: unknown): number => ((n as number | undefined) ?? 0) + 1

export const code = (error: unknown): string | undefined => (error as { code?: string }).code

/** Changes `values` of the session under `token`, as a request of another process does. */
export async function change(
  manager: SessionManager,
  token: string,
  values: Values,
): Promise<Context> {
  const ctx = await load(manager, token)
  for (const [key, value] of Object.entries(values)) manager.put(ctx, key, value)
  await manager.commit(ctx)
  return ctx
}
