// Durations

// For authors of stores
export { type Cleanup, startCleanup } from './cleanup.ts'
// Codec
export type { Codec } from './codec.ts'
// Context
export {
  background,
  bindContext,
  type Context,
  type ContextKey,
  contextKey,
  contextOf,
  withSignal,
  withValue,
} from './context.ts'
export { checkedDuration, day, hour, minute, second } from './duration.ts'
// Errors
export { SessionError, type SessionErrorCode } from './errors.ts'
// Stores
export { MemoryStore, type MemoryStoreOptions } from './memory-store.ts'
export type {
  AtomicStore,
  Awaitable,
  CtxStore,
  IterableCtxStore,
  IterableStore,
  ScannableStore,
  SessionStore,
  Store,
} from './store.ts'
