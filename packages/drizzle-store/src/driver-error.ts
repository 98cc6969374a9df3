/** What is read of an error, whichever driver it comes from. */
export interface DriverError {
  readonly message?: unknown
  readonly code?: unknown
  readonly errno?: unknown
  readonly sqlState?: unknown
  readonly extendedCode?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
  readonly address?: unknown
  readonly port?: unknown
  readonly hostname?: unknown
}

/** The driver's own error, which Drizzle wraps into another. */
export function driverError(thrown: unknown): DriverError {
  let error = asError(thrown)
  while (error.code === undefined && error.errno === undefined && error.cause instanceof Error) {
    error = asError(error.cause)
  }
  return error
}

/**
 * Whether the statement failed only because of others at the same time, and has changed nothing: it
 * can be run again.
 */
export function isConflict(thrown: unknown): boolean {
  if (isLocked(thrown)) return true
  const { code, errno } = driverError(thrown)
  // Deadlock and serialization failure of PostgreSQL; deadlock and lock wait timeout of MySQL,
  // whose 1047 of Galera is that of a node outside of its cluster, and stays so.
  return code === '40P01' || code === '40001' || errno === 1213 || errno === 1205
}

/**
 * Whether another connection has locked the SQLite file, and the driver has waited for as long as
 * it was told to.
 */
export function isLocked(thrown: unknown): boolean {
  const { code } = driverError(thrown)
  return typeof code === 'string' && /^SQLITE_(?:BUSY|LOCKED)/.test(code)
}

/** Whether a unique column of the table has the value already. Nothing was written. */
export function isDuplicate(thrown: unknown): boolean {
  const { code, errno, extendedCode } = driverError(thrown)
  if (code === '23505' || errno === 1062) return true
  // libsql tells which constraint it was in a property of its own; other drivers of SQLite may not
  // tell.
  return /^SQLITE_CONSTRAINT(?:_PRIMARYKEY|_UNIQUE)?$/.test(String(extendedCode ?? code))
}

const lossCodes: ReadonlySet<unknown> = new Set([
  // The operating system's.
  ...['ECONNRESET', 'ECONNABORTED', 'EPIPE'],
  // PostgreSQL, when it shuts down, crashes or ends a connection; postgres.js.
  ...['57P01', '57P02', '57P05', '08003', '08006', 'CONNECTION_CLOSED', 'CONNECTION_DESTROYED'],
  'PROTOCOL_CONNECTION_LOST',
])

// MySQL and MariaDB: shutting down, connection killed, idle for too long.
const lossNumbers: ReadonlySet<unknown> = new Set([1053, 1927, 4031])

const lossWords: ReadonlySet<unknown> = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Client has encountered a connection error and is not queryable',
  "Can't add new command when connection is in closed state",
])

/**
 * Whether the statement failed with its connection, which a pool replaces. Whether it was run is
 * not known.
 */
export function isLost(thrown: unknown): boolean {
  const { code, errno, message } = driverError(thrown)
  return lossCodes.has(code) || lossNumbers.has(errno) || lossWords.has(message)
}

function asError(value: unknown): DriverError {
  return typeof value === 'object' && value !== null ? value : {}
}
