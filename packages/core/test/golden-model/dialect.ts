// Where this package leaves SCS on purpose. The model of this folder speaks as SCS does; each departure is one change to it,
// and whatever follows from that, in the same request or in a later one, follows in the model too.

/** One way in which this package is not SCS. */
export interface Departure {
  readonly name: string
  /** The beginning of its row in the table "Departures" of docs/from-scs.md. */
  readonly row: string
}

const kinds = 'int, int64, int32 and float64 are four types'
const cookies = "reads and writes cookies by Go's rules"
const dates = 'Max-Age ends at 292 years, dates at the year 1'
const output = '`Flush` before the first write loses the cookie; a 103 commits early'

/** All of them. */
export const departures = {
  oneNumber: { name: 'numbers are of one kind', row: kinds },
  utcTimes: { name: 'times are milliseconds in UTC', row: kinds },
  everyType: { name: 'types need no registration', row: kinds },
  tokenGrammar: {
    name: 'a token outside its grammar is not looked up',
    row: 'looks up any string as a token',
  },
  cookieRead: { name: 'cookies are read by the cookie package', row: cookies },
  cookieWrite: { name: 'cookies are written by the cookie package', row: cookies },
  candidates: {
    name: 'several cookies of one name are tried one after another',
    row: 'of several cookies of one name, the first that Go takes for valid counts',
  },
  oneName: {
    name: 'two managers with one cookie name are an error',
    row: 'two managers with one cookie name lose each other',
  },
  ownLine: {
    name: "a handler's line for the same cookie goes",
    row: "a handler's own cookie of the session's name is sent beside it",
  },
  nothingToDelete: {
    name: 'a session that was never committed has nothing to delete',
    row: '`Destroy` on an uncommitted session deletes the token ""',
  },
  renewAtCommit: {
    name: 'the old row goes after the new one is in',
    row: '`RenewToken` deletes the old row before the new one exists',
  },
  pastDeadline: {
    name: 'a session past its deadline is not found',
    row: 'never checks the deadline that it decoded',
  },
  emptyMap: {
    name: 'a nil map is an empty one',
    row: 'strings are bytes; a nil map makes `Put` panic',
  },
  hashedOnce: {
    name: 'the token in iterate is hashed once',
    row: '`Iterate` on hashed tokens hashes twice: revoking revokes nothing',
  },
  iterateSkips: {
    name: 'iterate skips what it cannot decode',
    row: '`Iterate` stops at the first row it cannot decode',
  },
  rememberMe: {
    name: 'rememberMe is no key and survives clear',
    row: '`__rememberMe` shows in `Keys` and dies in `Clear`',
  },
  ownKeys: {
    name: "the manager's own keys cannot be put",
    row: "any key is the application's",
  },
  touchMayFail: {
    name: 'a session that is only read is not failed by its commit',
    row: 'a request that only reads fails when the expiry cannot be written',
  },
  maxSize: {
    name: 'a session of more than maxSize is refused',
    row: 'a session may be of any size',
  },
  informational: { name: 'a 1xx is no commit point', row: output },
  flushCommits: { name: 'a flush sends the cookie', row: output },
  lateChanges: {
    name: 'late changes are committed, or throw',
    row: 'silently loses changes made after the first byte',
  },
  cleanAnswer: {
    name: 'a failed commit has one clean answer',
    row: "a failed commit's 500 is followed by the handler's bytes",
  },
  silentAnswered: {
    name: 'an errorFunc that does not answer is answered for',
    row: 'an `ErrorFunc` that writes nothing answers an empty 200',
  },
  panicAnswered: { name: 'errorFunc answers a panic', row: 'a panic cuts the connection' },
  privateCaching: {
    name: 'what the handler lets caches share becomes private',
    row: 'a shared cache may store a response with the cookie',
  },
  trueMaxAge: { name: 'Max-Age is the true one', row: dates },
} as const satisfies Record<string, Departure>

/** The name of one departure in the model. */
export type DepartureKey = keyof typeof departures

/** Which departures a run of the model makes: none of them is SCS, all of them this package. */
export type Dialect = ReadonlySet<DepartureKey>

export const scs: Dialect = new Set()
export const ours: Dialect = new Set(Object.keys(departures) as DepartureKey[])

/** This package's dialect without one departure. */
export function without(key: DepartureKey): Dialect {
  return new Set([...ours].filter((other) => other !== key))
}

/** Whether the host is Go: what is Node's and not this package's is never in doubt. */
export function isGo(dialect: Dialect): boolean {
  return dialect.size === 0
}
