import { minute } from '@scs/core'
import { afterEach, expect, vi } from 'vitest'
import { conversation } from '../conversation.ts'
import { get, put } from '../routes.ts'

// The clock is moved by hand, and there is but one: these are played one after the other.
const alone = true

afterEach(() => void vi.useRealTimers())

// session_test.go TestLifetime
conversation('a session ends at its deadline', { alone }, async (stage) => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const { client } = await stage.open({ '/put': put, '/get': get }, { lifetime: minute })
  await client.get('/put')
  vi.setSystemTime(Date.now() + minute - 1)
  expect((await client.get('/get')).body).toBe('bar')
  vi.setSystemTime(Date.now() + 1)
  expect((await client.get('/get')).body).toBe('')
})

// session_test.go TestIdleTimeout
conversation(
  'a session with an idle timeout is extended when it is read, and ends when it is not',
  { alone },
  async (stage) => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const { client } = await stage.open(
      { '/put': put, '/get': get },
      { idleTimeout: 20 * minute, lifetime: 60 * minute },
    )
    await client.get('/put')
    vi.setSystemTime(Date.now() + 15 * minute)
    const extended = await client.get('/get')
    expect(extended.body).toBe('bar')
    expect(extended.header('set-cookie')[0]).toContain('Max-Age=1200')
    vi.setSystemTime(Date.now() + 15 * minute)
    expect((await client.get('/get')).body).toBe('bar')
    vi.setSystemTime(Date.now() + 20 * minute)
    expect((await client.get('/get')).body).toBe('')
  },
)
