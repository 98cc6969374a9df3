import { type DriverError, driverError } from './driver-error.ts'
import { textOf } from './error-texts.ts'

/**
 * What the store throws when a statement fails. Drizzle's errors and many drivers' hold the
 * parameters of the query, and so tokens and session data, and a trigger's may hold them anywhere:
 * the text is one of {@link textOf}, chosen by the error's code. `code`, `errno` and `sqlState` are
 * kept; there is no `cause`. An error that no database or driver has answered with stays a
 * TypeError or a RangeError, and keeps the lines of its stack that say where it was thrown.
 */
export function databaseError(operation: string, thrown: unknown, table: string): Error {
  const error = driverError(thrown)
  const text = textOf(error)
  const isOfTheProgram = text === undefined
  const kind = isOfTheProgram ? kindOf(error) : Error
  const clean = new kind(
    `DrizzleStore could not ${operation}: ${text?.replaceAll('{table}', `the table "${table}"`) ?? failedWith(error)}`,
  )
  if (isOfTheProgram) clean.stack = `${clean.name}: ${clean.message}${framesOf(error)}`
  for (const [property, form] of kept) {
    const value = error[property]
    if (value === undefined || !form.test(String(value))) continue
    Object.defineProperty(clean, property, { value, enumerable: true })
  }
  return clean
}

// Forms that hold no token and no data of a session; a trigger may choose the five characters of a
// SQLSTATE.
const kept = [
  ['code', /^(?:[0-9A-Z]{5}|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*|[0-9]{1,5})$/],
  ['errno', /^-?[0-9]{1,6}$/],
  ['sqlState', /^[0-9A-Z]{5}$/],
] as const

function failedWith(error: DriverError): string {
  const code = [error.code, error.errno].find((value) => kept[0][1].test(String(value)))
  const what = code === undefined ? `it failed with ${nameOf(error)}` : `it failed with ${code}`
  return `${what}; the message is left out, as it may hold session data`
}

type ErrorKind = new (message: string) => Error

// Those that tell the session manager not to try again.
function kindOf(error: DriverError): ErrorKind {
  return [TypeError, RangeError].find((kind) => error instanceof kind) ?? Error
}

function nameOf(error: DriverError): string {
  const known = [TypeError, RangeError, SyntaxError, ReferenceError, Error]
  const kind = known.find((candidate) => error instanceof candidate)
  return kind === undefined
    ? 'something that is no Error'
    : `a${kind === Error ? 'n' : ''} ${kind.name}`
}

// The lines after the message, which may have several itself.
function framesOf(error: DriverError): string {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return ''
  const end = error.stack.indexOf(error.message) + error.message.length
  const frames = error.message === '' ? error.stack : error.stack.slice(end)
  return frames
    .split('\n')
    .filter((line) => /^ {4}at .+:\d+:\d+\)?$/.test(line))
    .map((line) => `\n${line}`)
    .join('')
}
