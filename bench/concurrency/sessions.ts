import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

/** The session of one request, whatever the library. */
export interface Session {
  get(key: string): unknown
  put(key: string, value: unknown): void
  /** Adds one to the number under `key`. */
  add(key: string): void
  keys(): string[]
  destroy(): Promise<void>
}

/** What a request does with its session; the session is saved with the response. */
export type Handler = (session: Session, req: IncomingMessage, res: ServerResponse) => unknown

/** A session library. */
export interface Library {
  /** `idle`: each request extends the session, so that one which only reads writes to the store as well. */
  listener(handler: Handler, idle: boolean): RequestListener
}
