/**
 * What the store throws when the database fails: Drizzle's errors and many drivers' hold the parameters of the query,
 * and so tokens and session data. The driver's `code`, `errno` and `sqlState` are kept; its message is, where it can
 * hold no data; there is no `cause`.
 */
export function databaseError(operation: string, thrown: unknown): Error {
  const error = driverError(thrown)
  const clean = new Error(`DrizzleStore could not ${operation}: ${reason(error)}`)
  for (const property of ['code', 'errno', 'sqlState'] as const) {
    const value = error[property]
    if (typeof value !== 'string' && typeof value !== 'number') continue
    Object.defineProperty(clean, property, { value, enumerable: true })
  }
  return clean
}

/**
 * Whether the statement failed only because of others at the same time, and has changed nothing: it can be run again.
 */
export function isConflict(thrown: unknown): boolean {
  const { code, errno } = driverError(thrown)
  if (typeof code === 'string' && /^SQLITE_(?:BUSY|LOCKED)/.test(code)) return true
  // Deadlock and serialization failure of PostgreSQL; deadlock and lock wait timeout of MySQL, whose 1047 of Galera is
  // that of a node outside of its cluster, and stays so.
  return code === '40P01' || code === '40001' || errno === 1213 || errno === 1205
}

interface DriverError {
  readonly message?: unknown
  readonly code?: unknown
  readonly errno?: unknown
  readonly sqlState?: unknown
  readonly extendedCode?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}

function driverError(thrown: unknown): DriverError {
  let error = asError(thrown)
  while (error.code === undefined && error.errno === undefined && error.cause instanceof Error) {
    error = asError(error.cause)
  }
  return error
}

function asError(value: unknown): DriverError {
  return typeof value === 'object' && value !== null ? value : {}
}

function reason(error: DriverError): string {
  if (isHarmless(error)) return message(error)
  const code = [error.code, error.errno].find((value) => value !== undefined)
  return `the database answered with ${code === undefined ? 'an error' : `error ${code}`}; its message is left out, as it may hold session data`
}

// Node tries each address of a host, and fails with an AggregateError that says nothing itself.
function message(error: DriverError): string {
  if (typeof error.message === 'string' && error.message !== '') return error.message
  const first = Array.isArray(error.errors) ? asError(error.errors[0]).message : undefined
  return String(first ?? error.code)
}

// Classes of SQLSTATE whose messages speak of connections, transactions, names and privileges. Those of 22 and 23 quote
// values.
const harmlessStates = /^(?:08|0A|25|28|3D|3F|40|42|53|54|55|57|58)[0-9A-Z]{3}$/

// Access, names, locks, limits, read-only; a syntax error (1064) quotes the statement, with the data in it.
const harmlessNumbers: ReadonlySet<unknown> = new Set([
  1021, 1037, 1040, 1041, 1044, 1045, 1046, 1047, 1049, 1053, 1054, 1114, 1129, 1130, 1142, 1143,
  1146, 1153, 1203, 1205, 1213, 1226, 1290, 1317, 1698, 1792, 1836, 1927, 1969, 3024,
])

// The network's errors, and what the drivers say themselves of connections.
const harmlessCodes =
  /^(?:E[A-Z]{3,}|EAI_[A-Z]+|CONNECTION_[A-Z]+|CONNECT_TIMEOUT|PROTOCOL_[A-Z_]+)$/

const harmlessWords =
  /^(?:(?:The database )?connection |Client |PGlite |Pool |Queue |Cannot use a pool|Can't add new command|No connections|timeout exceeded|Query read timeout)/i

function isHarmless(error: DriverError): boolean {
  const { code } = error
  if (typeof error.errno === 'number' && error.errno > 0) return harmlessNumbers.has(error.errno)
  if (code === undefined)
    return typeof error.message === 'string' && harmlessWords.test(error.message)
  if (typeof code !== 'string') return false
  // SQLite quotes names and never values, save in what a trigger raises.
  if (code.startsWith('SQLITE_')) return !`${code} ${error.extendedCode}`.includes('TRIGGER')
  return harmlessStates.test(code) || harmlessCodes.test(code)
}
