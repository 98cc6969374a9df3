import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { CommitQueue } from '../src/commit-queue.ts'
import { TimeLimit } from '../src/time-limit.ts'

const unlimited = new TimeLimit(0)
const bytes = (n: number) => Uint8Array.of(n)

it('runs the commits of one session one after another, each told what the last wrote', async () => {
  const queue = new CommitQueue()
  const seen: unknown[] = []
  const commit = (n: number) =>
    queue.enter('a', unlimited, async (lane) => {
      seen.push(['begins', n, lane.written?.[0]])
      await turn()
      lane.written = bytes(n)
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

it('lets those of different sessions run side by side', async () => {
  const queue = new CommitQueue()
  const { promise, resolve } = Promise.withResolvers<void>()
  const slow = queue.enter('a', unlimited, () => promise)
  await queue.enter('b', unlimited, () => turn())
  resolve()
  await slow
})

it('answers at once where nobody is before, and keeps no lane then', () => {
  const queue = new CommitQueue()
  expect(queue.enter('a', unlimited, () => 1)).toBe(1)
  expect(queue.size).toBe(0)
})

it('goes on after a commit that failed', async () => {
  const queue = new CommitQueue()
  const failed = queue.enter('a', unlimited, async () => {
    await turn()
    throw new Error('no')
  })
  const next = queue.enter('a', unlimited, () => 'next')
  await expect(failed).rejects.toThrow('no')
  expect(await next).toBe('next')
})

it('is empty when all are done', async () => {
  const queue = new CommitQueue()
  const all = ['a', 'a', 'b'].map((token) => queue.enter(token, unlimited, () => turn()))
  expect(queue.size).toBe(2)
  await Promise.all(all)
  await turn()
  expect(queue.size).toBe(0)
})
