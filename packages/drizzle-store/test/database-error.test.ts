import { DrizzleQueryError } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { databaseError, isConflict } from '../src/database-error.ts'

const failed = (properties: object, message = 'the-message') =>
  Object.assign(new Error(message), properties)

describe('databaseError', () => {
  it.each([
    { code: 'ECONNREFUSED' },
    { code: 'ETIMEDOUT', errno: -110 },
    { code: 'CONNECTION_CLOSED' },
    { code: 'PROTOCOL_CONNECTION_LOST' },
    { code: '57P01' },
    { code: '42P01' },
    { code: '53300' },
    { code: 'ER_NO_SUCH_TABLE', errno: 1146, sqlState: '42S02' },
    { code: 'ER_LOCK_DEADLOCK', errno: 1213, sqlState: '40001' },
    { code: 'SQLITE_ERROR' },
    { code: 'SQLITE_CONSTRAINT_UNIQUE' },
    { code: 'SQLITE_CONSTRAINT', extendedCode: 'SQLITE_CONSTRAINT_NOTNULL' },
  ])('keeps the message, which can hold no data, of %j', (properties) => {
    const error = databaseError('find a session', failed(properties))
    expect(error.message).toBe('DrizzleStore could not find a session: the-message')
    const { extendedCode: _, ...kept } = { extendedCode: '', ...properties }
    expect({ ...error }).toEqual(kept)
  })

  it.each([
    { code: '22P02' },
    { code: '23505' },
    { code: 'P0001' },
    { code: 'ER_DUP_ENTRY', errno: 1062, sqlState: '23000' },
    { code: 'ER_PARSE_ERROR', errno: 1064, sqlState: '42000' },
    { code: 'ER_SIGNAL_EXCEPTION', errno: 1644, sqlState: '45000' },
    { code: 'SQLITE_CONSTRAINT_TRIGGER' },
    { code: 'SQLITE_CONSTRAINT', extendedCode: 'SQLITE_CONSTRAINT_TRIGGER' },
    { code: 'ERR_INVALID_ARG_TYPE' },
    { code: 17 },
    { errno: 1366 },
    {},
  ])('leaves out the message, which may hold data, of %j', (properties) => {
    const error = databaseError('find a session', failed(properties))
    expect(error.message).toMatch(/^DrizzleStore could not find a session: the database answered/)
    expect(error.message).not.toContain('the-message')
    const { code, errno } = { code: undefined, errno: undefined, ...properties }
    expect(error.message).toContain(String(code ?? errno ?? 'an error'))
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
  ])('keeps what a driver says of its connection: %s', (message) => {
    expect(databaseError('find a session', new Error(message)).message).toContain(message)
  })

  it('looks into the errors of Drizzle, and of Node', () => {
    const refused = Object.assign(new AggregateError([new Error('refused by ::1')], ''), {
      code: 'ECONNREFUSED',
    })
    const query = new DrizzleQueryError('select', ['a-token'], refused)
    const error = databaseError('find a session', query)
    expect(error).toMatchObject({ message: expect.stringContaining('refused by ::1') })
    expect(error).toHaveProperty('code', 'ECONNREFUSED')
    expect(String(databaseError('x', failed({ code: 'EPIPE' }, '')))).toMatch(/: EPIPE$/)
  })

  it.each([undefined, null, 'text', 42])('makes an error of anything thrown: %s', (thrown) => {
    expect(databaseError('find a session', thrown).message).toMatch('answered with an error;')
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
