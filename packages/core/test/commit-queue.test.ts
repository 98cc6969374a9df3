import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { CommitQueue } from '../src/session/session-calls.ts'
import { Timeout } from '../src/util/timeout.ts'

const unlimited = new Timeout(0)
const bytes = (n: number) => Uint8Array.of(n)

it('the commits of one session run one after another, and each has what the last one wrote', async () => {
  const queue = new CommitQueue()
  const seen: unknown[] = []
  const commit = (n: number) =>
    queue.enter('a', unlimited, async (session) => {
      seen.push(['begins', n, session.written?.[0]])
      await turn()
      session.written = bytes(n)
      seen.push(['ends', n])
    })
  await Promise.all([commit(1), commit(2), commit(3)])
  expect(seen).toEqual([
    ['begins', 1, undefined],
    ['ends', 1],
    ['begins', 2, 1],
    ['ends', 2],
    ['begins', 3, 2],
    ['ends', 3],
  ])
})

it('the commits of different sessions run at the same time', async () => {
  const queue = new CommitQueue()
  const { promise, resolve } = Promise.withResolvers<void>()
  const slow = queue.enter('a', unlimited, () => promise)
  await queue.enter('b', unlimited, () => turn())
  resolve()
  await slow
})

it('a commit that does not wait runs at once, and leaves no queue behind', () => {
  const queue = new CommitQueue()
  expect(queue.enter('a', unlimited, () => 1)).toBe(1)
  expect(queue.size).toBe(0)
})

it('a commit that fails does not stop the next one', async () => {
  const queue = new CommitQueue()
  const failed = queue.enter('a', unlimited, async () => {
    await turn()
    throw new Error('no')
  })
  const next = queue.enter('a', unlimited, () => 'next')
  await expect(failed).rejects.toThrow('no')
  expect(await next).toBe('next')
})

it('no queue is left when all commits are done', async () => {
  const queue = new CommitQueue()
  const all = ['a', 'a', 'b'].map((token) => queue.enter(token, unlimited, () => turn()))
  expect(queue.size).toBe(2)
  await Promise.all(all)
  await turn()
  expect(queue.size).toBe(0)
})

it('a commit that times out while it waits does not run, and leaves the commits before it in the queue', async () => {
  const queue = new CommitQueue()
  const { promise, resolve } = Promise.withResolvers<void>()
  const first = queue.enter('a', unlimited, () => promise)
  let ran = false
  const second = queue.enter('a', new Timeout(1), () => {
    ran = true
  })
  await expect(second).rejects.toMatchObject({ code: 'ERR_SESSION_STORE_TIMEOUT' })
  expect(ran).toBe(false)
  expect(queue.size).toBe(1)
  const third = queue.enter('a', unlimited, () => 'third')
  resolve()
  await first
  expect(await third).toBe('third')
  await turn()
  expect(queue.size).toBe(0)
})
