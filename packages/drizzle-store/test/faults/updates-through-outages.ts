import { expect } from 'vitest'
import type { ServerProcess } from './server-process.ts'
import { UpdatedSession } from './updates.ts'

const updates = 2000
// Of them on the way at once.
const concurrency = 100
// An outage ends some hundred updates: of those that come meanwhile, no more than these are sent.
const mostMeanwhile = 50

/**
 * Sends 2,000 updates of eight sessions to `processes`, with `outages` at random moments: `outage` makes one, given a
 * cookie, and is fulfilled when it is over. No acknowledged update is lost, none is counted twice, each has an answer;
 * afterwards, all goes on. `mayLose` is for a database that does not promise the first.
 */
export async function updateThroughOutages(
  processes: readonly ServerProcess[],
  outage: (cookie: string) => Promise<void>,
  { outages = 3, mayLose = false } = {},
): Promise<void> {
  const [first] = processes
  if (first === undefined) throw new Error('no process')
  const sessions = await Promise.all(
    [true, true, true, true, true, true, false, false].map((keyed) =>
      UpdatedSession.start(first, keyed),
    ),
  )
  const of = <T>(list: readonly T[], i: number) => list[i % list.length] as T

  // The moments, in acknowledged updates: one somewhere in each part of the run.
  const part = 1200 / outages
  const moments = Array.from({ length: outages }, (_, i) =>
    Math.floor((i + Math.random()) * part + 1),
  )
  const told = `outages after ${moments.join(', ')} acknowledged updates`
  let sent = 0
  let acknowledged = 0
  let current: Promise<void> | undefined
  let spare = 0

  async function send(): Promise<void> {
    while (sent < updates) {
      const i = sent++
      const isDone = await of(sessions, i >> 2).add(of(processes, i))
      if (isDone) acknowledged++
      if (current) {
        if (spare-- <= 0) await current
      } else if (acknowledged >= (moments[0] ?? Number.POSITIVE_INFINITY)) {
        moments.shift()
        spare = mostMeanwhile
        current = outage(of(sessions, 0).cookie).then(() => {
          current = undefined
        })
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, send))
  await current
  expect(moments, told).toEqual([])
  for (const session of sessions) await session.check(first, mayLose)

  const more = Array.from({ length: 100 }, (_, i) => of(sessions, i >> 2).add(of(processes, i)))
  expect(await Promise.all(more), told).toEqual(Array(100).fill(true))
  for (const session of sessions) await session.check(first, mayLose)

  for (const process of processes) {
    const { reported } = JSON.parse((await process.get('/read')).body)
    expect(reported).toEqual([])
  }
}
