// The session manager

export type { AnySessionManager } from './any-session-manager.ts'
export type { SessionCookie, SessionCookieOptions } from './http/cookie-options.ts'
export { hardened, type SessionManagerOptions } from './options.ts'
export type { Committed, Status } from './session/session-data.ts'
export type { SessionValues } from './session/session-values.ts'
export { SessionManager } from './session-manager.ts'
export type { Key, KeyOf } from './typed-values.ts'

// Durations, in milliseconds

export { checkedDuration, day, hour, minute, second } from './duration.ts'

// The context of a request

export type { Context, ContextKey } from './context.ts'
export { background, bindContext, contextKey, contextOf, withSignal, withValue } from './context.ts'

// Stores

export { MemoryStore, type MemoryStoreOptions } from './store/memory-store.ts'
export type { CtxStore, SessionStore, Store } from './store/store.ts'
export type { Awaitable } from './util/promises.ts'

// What a store can do in addition

export type {
  AtomicStore,
  IterableCtxStore,
  IterableStore,
  ScannableStore,
  Swap,
  SwapRow,
} from './store/store.ts'

// Codecs

export type { Codec } from './codec/codec.ts'
export { JsonCodec } from './codec/json-codec.ts'

// Errors

export { SessionError, type SessionErrorCode } from './errors.ts'

// For custom middleware

export { beforeHeaders } from './http/before-headers.ts'
export { isEnded } from './http/held-calls.ts'
export type { RequestListener } from './http/load-and-save.ts'
export type { NodeResponse } from './http/response-head.ts'

// For authors of stores and adapters

export { serveWithSession } from './http/before-headers.ts'
export { isWellFormedToken } from './session/token.ts'
export { type Cleanup, startCleanup } from './store/cleanup.ts'
export { ResolvedStore } from './store/resolve-store.ts'
export { checkManager, checkOptions, type OptionNames } from './util/checks.ts'
