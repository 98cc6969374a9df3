import { expect, test } from 'vitest'
import { SessionError } from '../src/errors.ts'

test('a SessionError is an Error that is told by its name and code', () => {
  const error = new SessionError('ERR_SESSION_CONFLICT', 'changed elsewhere')
  expect(error).toBeInstanceOf(Error)
  expect(error.name).toBe('SessionError')
  expect(error.code).toBe('ERR_SESSION_CONFLICT')
  expect(String(error)).toBe('SessionError: changed elsewhere')
  expect(error.stack).toContain('errors.test.ts')
})

test('a SessionError keeps its cause, and has none unless it is given', () => {
  const cause = new Error('the reason')
  expect(new SessionError('ERR_SESSION_UNREADABLE', 'unreadable', { cause }).cause).toBe(cause)
  expect(new SessionError('ERR_SESSION_UNREADABLE', 'unreadable')).not.toHaveProperty('cause')
})
