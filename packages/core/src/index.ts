// The session manager

export type { AnySessionManager } from './any-session-manager.ts'
export type { SessionCookie, SessionCookieOptions } from './cookie.ts'
export { hardened } from './hardened.ts'
export type { SessionManagerOptions } from './options.ts'
export type { Committed, Status } from './session-data.ts'
export { SessionManager } from './session-manager.ts'
export type { SessionValues } from './session-values.ts'
export type { Key, KeyOf } from './typed-values.ts'

// Durations, in milliseconds

export { checkedDuration, day, hour, minute, second } from './duration.ts'

// The context of a request

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

// Stores

export type { Awaitable } from './awaitable.ts'
export { MemoryStore, type MemoryStoreOptions } from './memory-store.ts'
export type {
  AtomicStore,
  CtxStore,
  IterableCtxStore,
  IterableStore,
  ScannableStore,
  SessionStore,
  Store,
  Swap,
  SwapRow,
} from './store.ts'

// Codecs

export type { Codec } from './codec.ts'
export { JsonCodec } from './json-codec.ts'

// Errors

export { SessionError, type SessionErrorCode } from './errors.ts'

// For middleware of one's own

export { beforeHeaders } from './before-headers.ts'
export { isEnded } from './held-calls.ts'
export type { RequestListener } from './load-and-save.ts'
export type { NodeResponse } from './response-head.ts'

// For authors of stores and adapters

export { checkManager } from './check-manager.ts'
export { checkOptions, type OptionNames } from './check-options.ts'
export { type Cleanup, startCleanup } from './cleanup.ts'
export { serveWithSession } from './serve-with-session.ts'
export { StoreAccess } from './store-access.ts'
export { isWellFormedToken } from './token.ts'
