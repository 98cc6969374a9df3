import { expect, it } from 'vitest'
import { Attempts } from '../src/attempts.ts'
import type { Dialect } from '../src/dialect.ts'

const dialect = { isSync: false, schema: { name: 'sessions' } } as Dialect
const lost = (): Promise<never> =>
  Promise.reject(Object.assign(new Error('lost'), { code: 'ECONNRESET' }))

it('a read is tried again five times while its connection is lost, and then fails with that', async () => {
  let tries = 0
  const reading = new Attempts(dialect).read('find a session', () => {
    tries++
    return lost()
  })
  await expect(reading).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(tries).toBe(6)
})

it('a read ends with the first failure that is another one', async () => {
  const answers = [lost, lost, () => Promise.reject(new Error('SECRET'))]
  const reading = new Attempts(dialect).read('find a session', () => answers.shift()?.())
  await expect(reading).rejects.toThrow('it failed with an Error')
  expect(answers).toEqual([])
})

it('a read is not tried again when its client has gone', async () => {
  const client = new AbortController()
  let tries = 0
  const reading = new Attempts(dialect).read(
    'find a session',
    () => {
      if (++tries === 3) client.abort()
      return lost()
    },
    client.signal,
  )
  await expect(reading).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(tries).toBe(3)
})

it('a statement that writes is never sent again when its connection is lost', async () => {
  let tries = 0
  const writing = new Attempts(dialect).run('commit a session', () => {
    tries++
    return lost()
  })
  await expect(writing).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(tries).toBe(1)
})
