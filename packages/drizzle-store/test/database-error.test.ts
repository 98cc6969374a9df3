import { DrizzleQueryError } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { databaseError } from '../src/database-error.ts'
import { isConflict } from '../src/driver-error.ts'

const failed = (properties: object, message = 'the-message') =>
  Object.assign(new Error(message), properties)

const said = (thrown: unknown) => databaseError('find a session', thrown, 'sessions')

describe('databaseError', () => {
  it.each([
    [{ code: 'ECONNREFUSED' }, 'the database refuses the connection (ECONNREFUSED)'],
    [
      { code: 'ECONNREFUSED', address: '::1', port: 5432 },
      'the database refuses the connection, at ::1 port 5432 (ECONNREFUSED)',
    ],
    [
      { code: 'ENOTFOUND', hostname: 'db.example.com' },
      'the host of the database is not known, db.example.com (ENOTFOUND)',
    ],
    [{ code: 'ETIMEDOUT', errno: -110 }, 'the database did not answer in time (ETIMEDOUT)'],
    [{ code: 'EHOSTUNREACH' }, 'the operating system has failed the connection (EHOSTUNREACH)'],
    [{ code: 'CONNECTION_CLOSED' }, 'the connection to the database was lost (CONNECTION_CLOSED)'],
    [
      { code: 'PROTOCOL_SEQUENCE_TIMEOUT' },
      'the connection has failed (PROTOCOL_SEQUENCE_TIMEOUT)',
    ],
    [{ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'the connection could not be secured'],
    [{ code: '57P01' }, 'the connection to the database was lost (57P01)'],
    [
      { code: '42P01' },
      'the table "sessions", or another that a trigger of it uses, does not exist',
    ],
    [{ code: '42501' }, 'lacks a privilege on the table "sessions" (42501)'],
    [{ code: '42999' }, 'has the table "sessions" changed since'],
    [{ code: '42P05' }, 'pass the option prepare: false (42P05)'],
    [{ code: '26000' }, 'pass the option prepare: false (26000)'],
    [{ code: '23505' }, 'the table "sessions" refuses the row because of a constraint (23505)'],
    [{ code: 'P0001' }, 'a trigger of the table "sessions" has raised an error (P0001)'],
    [{ code: '53300' }, 'the database has no room for another connection (53300)'],
    [
      { code: 'ER_NO_SUCH_TABLE', errno: 1146, sqlState: '42S02' },
      'does not exist (ER_NO_SUCH_TABLE)',
    ],
    [{ code: 'ER_LOCK_DEADLOCK', errno: 1213, sqlState: '40001' }, 'to end a deadlock'],
    [{ code: 'ER_PARSE_ERROR', errno: 1064, sqlState: '42000' }, 'has a syntax error'],
    [{ code: 'SQLITE_ERROR' }, 'SQLite refuses the statement: has the table "sessions" changed'],
    [{ code: 'SQLITE_BUSY' }, 'the file is locked by another connection (SQLITE_BUSY)'],
    [{ code: 'SQLITE_CONSTRAINT_UNIQUE' }, 'refuses the row because of a constraint'],
    [{ code: 'SQLITE_CONSTRAINT_TRIGGER' }, 'has raised an error (SQLITE_CONSTRAINT_TRIGGER)'],
    [
      { code: 'SQLITE_CONSTRAINT', extendedCode: 'SQLITE_CONSTRAINT_NOTNULL' },
      'because of a constraint (SQLITE_CONSTRAINT_NOTNULL)',
    ],
  ])('says what %j means, and nothing of its message', (properties, text) => {
    const error = said(failed(properties))
    expect(error.message).toMatch(/^DrizzleStore could not find a session: /)
    expect(error.message).toContain(text)
    expect(error.message).not.toContain('the-message')
    const { code, errno, sqlState } = properties as Record<string, unknown>
    const kept = Object.entries({ code, errno, sqlState }).filter(
      ([, value]) => value !== undefined,
    )
    expect({ ...error }).toEqual(Object.fromEntries(kept))
  })

  it.each([
    [{ code: 'YY999' }, 'YY999'],
    [{ code: 17 }, '17'],
    [{ code: 'ER_NEW', errno: 9999 }, 'ER_NEW'],
    [{ errno: 9999 }, '9999'],
    [{ code: 'UNDEFINED_VALUE' }, 'UNDEFINED_VALUE'],
    [{ code: 'ERR_INVALID_ARG_TYPE' }, 'ERR_INVALID_ARG_TYPE'],
    [{}, 'an Error'],
  ])('leaves out the message of %j, which it does not know', (properties, name) => {
    const { message } = said(failed(properties))
    expect(message).toBe(
      `DrizzleStore could not find a session: it failed with ${name}; the message is left out, as it may hold session data`,
    )
  })

  it('keeps no property that has another form than codes have', () => {
    const odd = { code: 'a token', errno: 'another', sqlState: 'SECRET', detail: 'SECRET' }
    expect(Object.getOwnPropertyNames(said(failed(odd))).sort()).toEqual(['message', 'stack'])
    const where = { code: 'ECONNREFUSED', address: 'SECRET', hostname: 'a secret', port: 'SECRET' }
    expect(said(failed(where)).message).toMatch(/refuses the connection \(ECONNREFUSED\)$/)
  })

  it.each([
    'Connection terminated unexpectedly',
    'Client has encountered a connection error and is not queryable',
    'Cannot use a pool after calling end on the pool',
    'PGlite is closed',
    'Pool is closed.',
    "Can't add new command when connection is in closed state",
    'The database connection is not open',
    'timeout exceeded when trying to connect',
  ])('keeps what a driver says of its connection, in these words and no others: %s', (message) => {
    expect(said(new TypeError(message)).message).toContain(message)
    expect(said(new TypeError(message)).constructor).toBe(Error)
    expect(said(new Error(`${message} SECRET`)).message).not.toContain('SECRET')
  })

  it('looks into the errors of Drizzle, and of Node', () => {
    const first = failed({ address: '::1', port: 5432 }, 'refused by ::1')
    const refused = failed({ code: 'ECONNREFUSED', errors: [first] }, '')
    const error = said(new DrizzleQueryError('select', ['a-token'], refused))
    expect(error.message).toMatch(/at ::1 port 5432 \(ECONNREFUSED\)$/)
    expect(error).toHaveProperty('code', 'ECONNREFUSED')
  })

  it.each([TypeError, RangeError])(
    'a %o of a program stays one, and tells where it was thrown',
    (kind) => {
      const message = 'SECRET\n    at SECRET (file:1:2)'
      function thrownHere(): Error {
        return new kind(message)
      }
      for (const thrown of [
        thrownHere(),
        new DrizzleQueryError('select', ['SECRET'], thrownHere()),
      ]) {
        const error = said(thrown)
        expect(error.constructor).toBe(kind)
        expect(error.message).toMatch(`it failed with a ${kind.name}; the message is left out`)
        expect(error.stack).toMatch(/\n {4}at thrownHere \(.*database-error\.test\.ts:\d+:\d+\)/)
        expect(error.stack).not.toContain('SECRET')
      }
    },
  )

  it.each([undefined, null, 'text', 42])('makes an error of anything thrown: %s', (thrown) => {
    expect(said(thrown).message).toMatch('it failed with something that is no Error;')
  })
})

describe('isConflict', () => {
  it('is true of what the database ends because of others, and of nothing else', () => {
    const conflicts = [
      { code: '40P01' },
      { code: '40001' },
      { code: 'ER_LOCK_DEADLOCK', errno: 1213 },
      { code: 'SQLITE_BUSY' },
      { code: 'SQLITE_BUSY_SNAPSHOT' },
      { code: 'SQLITE_LOCKED' },
    ]
    for (const properties of conflicts) {
      expect(isConflict(failed(properties))).toBe(true)
      const cause = failed(properties)
      expect(isConflict(new DrizzleQueryError('update', [], cause))).toBe(true)
    }
    for (const properties of [{}, { code: '23505' }, { code: 'SQLITE_READONLY' }]) {
      expect(isConflict(failed(properties))).toBe(false)
    }
    expect(isConflict(undefined)).toBe(false)
  })
})
