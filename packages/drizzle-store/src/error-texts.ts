import { isIP } from 'node:net'
import type { DriverError } from './driver-error.ts'

/**
 * What to say of a database's or a driver's error, with its code: one of the texts below and never
 * a part of its message, which may quote parameters and whatever a trigger has put together of
 * them. `{table}` stands for the table of sessions. `undefined` for errors that are not known.
 */
export function textOf(error: DriverError): string | undefined {
  const { code, errno, message } = error
  if (typeof errno === 'number' && errno > 0) return withCode(mysqlTexts.get(errno), code ?? errno)
  if (typeof code !== 'string')
    return driverWords.has(String(message)) ? String(message) : undefined
  if (code.startsWith('SQLITE_')) return withCode(sqliteText(error), sqliteCode(error))
  if (/^[0-9A-Z]{5}$/.test(code) && pgText(code) !== undefined) return withCode(pgText(code), code)
  const text = driverTexts.get(code) ?? driverPatterns.find(([pattern]) => pattern.test(code))?.[1]
  return withCode(text === undefined ? undefined : text + placeOf(error), code)
}

function withCode(text: string | undefined, code: unknown): string | undefined {
  return text === undefined ? undefined : `${text} (${code})`
}

const away = 'the connection to the database was lost'
const changed = 'has {table} changed since this store was created, or does a trigger of it fail?'
const full = 'the disk of the database is full'
const busy = 'the database has no room for another connection'
const refused = 'the database refuses the user or the password'
const rights = 'the user of the database lacks a privilege on {table}'
const readOnly = 'the database is read-only: is it a replica?'
const slow = 'the statement was ended, or took longer than the database allows'
const constraint = '{table} refuses the row because of a constraint'
const raised = 'a trigger of {table} has raised an error'
const value = 'a value does not fit its column, or a trigger of {table} fails on it'
const pooled =
  'the statement was prepared on another connection: behind a pooler, pass the option prepare: false'

// https://www.postgresql.org/docs/current/errcodes-appendix.html: codes, and the classes that they
// begin with.
const pgTexts: ReadonlyMap<string, string> = new Map([
  ['08', away],
  ['0A', `the database does not support the statement: ${changed}`],
  ['22', value],
  ['23', constraint],
  ['25', 'the statement does not fit into the transaction that its connection is in'],
  ['25006', readOnly],
  ['25P02', 'the transaction that the connection is in has failed before'],
  ['26000', pooled],
  ['28', refused],
  ['3D', 'the database does not exist'],
  ['3F', 'the schema does not exist'],
  ['40', 'the transaction was rolled back'],
  ['40001', 'it could not be serialized with others'],
  ['40P01', 'it was chosen to end a deadlock'],
  ['42', `the database refuses the statement: ${changed}`],
  ['42501', rights],
  ['42703', `a column does not exist: ${changed}`],
  ['42P01', '{table}, or another that a trigger of it uses, does not exist'],
  ['42P05', pooled],
  ['53', 'the database lacks memory, disk or something else'],
  ['53100', full],
  ['53300', busy],
  ['54', 'a limit of the database is exceeded'],
  ['55', 'something that the statement needs is in use, or not in the state for it'],
  ['57', 'an operator or a limit has ended the statement'],
  ['57014', slow],
  ['57P01', away],
  ['57P02', away],
  ['57P03', 'the database is starting, or is shutting down'],
  ['57P05', away],
  ['58', 'the operating system has failed the database'],
  ['P0', raised],
  ['XX', 'the database has an internal error'],
])

function pgText(code: string): string | undefined {
  return pgTexts.get(code) ?? pgTexts.get(code.slice(0, 2))
}

const mysqlTexts: ReadonlyMap<number, string> = new Map([
  ...numbered(away, 1053, 1927, 4031),
  ...numbered(full, 1021, 1114),
  ...numbered('the database lacks memory', 1037, 1041),
  ...numbered(busy, 1040, 1203, 1226),
  ...numbered(refused, 1044, 1045, 1698),
  ...numbered('the database does not take connections from this host', 1129, 1130),
  ...numbered('no database is selected: name one in the address', 1046),
  ...numbered('the database does not exist', 1049),
  ...numbered(
    'this server does not take part in its cluster (WSREP has not yet prepared node)',
    1047,
  ),
  ...numbered(`a column does not exist: ${changed}`, 1054),
  ...numbered('the statement has a syntax error, or a trigger of {table} has', 1064),
  ...numbered(rights, 1142, 1143),
  ...numbered('{table}, or another that a trigger of it uses, does not exist', 1146),
  ...numbered('the statement is longer than max_allowed_packet', 1153),
  ...numbered('it has waited too long for a lock', 1205),
  ...numbered('it was chosen to end a deadlock', 1213),
  ...numbered(readOnly, 1290, 1792, 1836),
  ...numbered(slow, 1317, 1969, 3024),
  ...numbered(constraint, 1048, 1062, 1216, 1217, 1364, 1451, 1452, 1586, 3819, 4025),
  ...numbered(value, 1264, 1265, 1292, 1366, 1406, 1690),
  ...numbered(raised, 1643, 1644),
])

function numbered(text: string, ...numbers: number[]): (readonly [number, string])[] {
  return numbers.map((number) => [number, text])
}

// https://sqlite.org/rescode.html, with the most of its words first.
const sqliteTexts: readonly (readonly [RegExp, string])[] = [
  [/^SQLITE_BUSY/, 'the file is locked by another connection'],
  [/^SQLITE_LOCKED/, 'the table is locked by another connection'],
  [/^SQLITE_CONSTRAINT_TRIGGER/, raised],
  [/^SQLITE_CONSTRAINT/, constraint],
  [/^SQLITE_READONLY/, 'the file is read-only'],
  [/^SQLITE_FULL/, full],
  [/^SQLITE_(?:CORRUPT|NOTADB)/, 'the file is damaged, or is no database'],
  [/^SQLITE_CANTOPEN/, 'the file cannot be opened'],
  [/^SQLITE_IOERR/, 'the file cannot be read or written'],
  [/^SQLITE_(?:AUTH|PERM)/, 'it is not allowed'],
  [/^SQLITE_SCHEMA/, changed],
  [/^SQLITE_TOOBIG/, 'the row is larger than SQLite allows'],
  [/^SQLITE_(?:NOMEM|INTERRUPT|MISUSE|INTERNAL)/, 'SQLite cannot go on'],
]

function sqliteText(error: DriverError): string {
  const code = sqliteCode(error)
  const known = sqliteTexts.find(([pattern]) => pattern.test(code))?.[1]
  if (known !== undefined) return known
  return /^no such table: /.test(String(error.message))
    ? '{table}, or another that a trigger of it uses, does not exist'
    : `SQLite refuses the statement: ${changed}`
}

// libsql has the second half in another property.
function sqliteCode({ code, extendedCode }: DriverError): string {
  return typeof extendedCode === 'string' && extendedCode.startsWith('SQLITE_')
    ? extendedCode
    : String(code)
}

// Of the operating system and of drivers.
const driverTexts: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'the database refuses the connection'],
  ['ECONNRESET', away],
  ['ECONNABORTED', away],
  ['EPIPE', away],
  ['ETIMEDOUT', 'the database did not answer in time'],
  ['ENOTFOUND', 'the host of the database is not known'],
  ['EAI_AGAIN', 'the host of the database cannot be looked up now'],
  ['CONNECTION_CLOSED', away],
  ['CONNECTION_DESTROYED', away],
  ['CONNECTION_ENDED', 'the client was closed'],
  ['CONNECT_TIMEOUT', 'the database did not answer in time'],
  ['PROTOCOL_CONNECTION_LOST', away],
  ['CLIENT_CLOSED', 'the client was closed'],
])

const driverPatterns: readonly (readonly [RegExp, string])[] = [
  [/CERT|SSL|TLS/, 'the connection could not be secured'],
  [/^PROTOCOL_[A-Z_]+$/, 'the connection has failed'],
  [/^E(?!RR_)[A-Z_]{3,}$/, 'the operating system has failed the connection'],
]

// Node tries each address of a host, and has one error for each.
function placeOf(error: DriverError): string {
  const [first] = Array.isArray(error.errors) ? (error.errors as DriverError[]) : [error]
  const { address, port, hostname } = first ?? {}
  if (typeof address === 'string' && isIP(address) !== 0) {
    return typeof port === 'number' ? `, at ${address} port ${port}` : `, at ${address}`
  }
  if (typeof hostname === 'string' && /^[\w.-]{1,253}$/.test(hostname)) return `, ${hostname}`
  return ''
}

// What drivers say without a code, in just these words.
const driverWords: ReadonlySet<string> = new Set([
  // node-postgres
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Cannot use a pool after calling end on the pool',
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Query read timeout',
  'The server does not support SSL connections',
  'There was an error establishing an SSL connection',
  'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string',
  // PGlite
  'PGlite is closed',
  'PGlite is closing',
  // mysql2
  "Can't add new command when connection is in closed state",
  'Pool is closed.',
  'No connections available.',
  'Queue limit reached.',
  // better-sqlite3
  'The database connection is not open',
  'This database connection is busy executing a query',
])
