/**
 * The kinds of errors:
 *
 * - `ERR_SESSION_NOT_LOADED`: the context carries no session of this manager. The handler is not
 *   wrapped in `loadAndSave`, or another context was passed. (SCS panics with the same words.)
 * - `ERR_SESSION_NOT_ITERABLE`: the store has neither `scan` nor `all`.
 * - `ERR_SESSION_UNREADABLE`: the row was found, but its data could not be decoded.
 * - `ERR_SESSION_CONFLICT`: other requests changed the session at each of 100 tries to commit it.
 *   Nothing was written.
 * - `ERR_SESSION_IN_DOUBT`: the store failed during a commit of this request, and it is not known
 *   whether the session was written. Later commits of the request are refused: a change could be
 *   made twice.
 * - `ERR_SESSION_REVOKED`: the session was destroyed or renewed elsewhere while this request was
 *   running.
 * - `ERR_SESSION_HEADERS_SENT`: the response headers were sent before the change, so the client
 *   cannot be told of it.
 * - `ERR_SESSION_STORE_TIMEOUT`: the store did not answer within `storeTimeout`.
 */
export type SessionErrorCode =
  | 'ERR_SESSION_NOT_LOADED'
  | 'ERR_SESSION_NOT_ITERABLE'
  | 'ERR_SESSION_UNREADABLE'
  | 'ERR_SESSION_CONFLICT'
  | 'ERR_SESSION_IN_DOUBT'
  | 'ERR_SESSION_REVOKED'
  | 'ERR_SESSION_HEADERS_SENT'
  | 'ERR_SESSION_STORE_TIMEOUT'

/**
 * An error of this package; `code` says which. Errors of a store or a codec pass through as they
 * are, or as the `cause` of one of these. A message never holds a token or session data.
 */
export class SessionError extends Error {
  /** The kind of error, for programs. */
  readonly code: SessionErrorCode

  /** For stores, adapters and tests; applications only receive these. */
  constructor(code: SessionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SessionError'
    this.code = code
  }
}

/** The error for a session that is gone. */
export function revoked(): SessionError {
  return new SessionError(
    'ERR_SESSION_REVOKED',
    'the session was destroyed, renewed or expired elsewhere while this request was running',
  )
}

/** The error for a session that may or may not have been written. */
export function inDoubt(why: string, cause?: unknown): SessionError {
  return new SessionError(
    'ERR_SESSION_IN_DOUBT',
    `${why}, and it is not known whether the session was written before`,
    { cause },
  )
}

/** The error for a change that the client can no longer be told of. */
export function headersSent(consequence: string): SessionError {
  return new SessionError(
    'ERR_SESSION_HEADERS_SENT',
    `the response headers have left: ${consequence}; do it before the first byte is written`,
  )
}

/** The error for data that a codec could not decode. */
export function unreadable(cause: unknown): SessionError {
  return new SessionError(
    'ERR_SESSION_UNREADABLE',
    'the data of a session could not be decoded: was it written by another codec?',
    { cause },
  )
}
