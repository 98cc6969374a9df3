import { strict as assert } from 'node:assert'
import { attempt, expectData, expectExpired, expectGone, isAbsent } from '../expect.ts'
import { live, midSecond, past, text } from '../sample.ts'
import { type StoreCase, storeCase } from '../store-case.ts'
import type { Subject } from '../subject.ts'
import { pause, until } from '../wait.ts'

// How much longer than the shortest time a session may live before a store counts as too slow to
// tell, in ms.
const patience = [0, 1000, 4000]
// A store's clock may be another than this process's: a little later is not too late.
const grace = 20

/** When a session ends. */
export const expiryCases: readonly StoreCase[] = [
  storeCase('a session committed with an expiry in the past is not found', async (subject) => {
    const promise = 'a session whose expiry has passed is not found'
    for (const expiry of [past(), new Date(Date.now() - 2000), new Date(0)]) {
      const token = subject.token()
      await subject.commit(token, text('expired from the start'), expiry)
      await expectGone(subject, token, promise)
    }
  }),

  storeCase('commit replaces the expiry by an earlier one', async (subject) => {
    const token = subject.token()
    await subject.commit(token, text('live'), live())
    await subject.commit(token, text('live'), past())
    await expectExpired(
      subject,
      token,
      'commit replaces the expiry of a session that is there, also by an earlier one',
    )
  }),

  storeCase('commit replaces the expiry by a later one', async (subject) => {
    const promise = 'commit replaces the expiry of a session that is there, by a later one too'
    const expired = subject.token()
    await subject.commit(expired, text('first'), past())
    await subject.commit(expired, text('first'), live())
    expectData(await subject.find(expired), text('first'), promise)

    const alive = subject.token()
    const first = midSecond()
    await subject.commit(alive, text('third'), first)
    await subject.commit(alive, text('third'), live())
    await until(first.getTime() + grace)
    expectData(await subject.find(alive), text('third'), promise)
  }),

  storeCase(
    'a session is found until the millisecond of its expiry, not after',
    async (subject) => {
      for (const more of patience) if (await livesAndEnds(subject, more)) return
      assert.fail('the store takes seconds to find a session: too slow to see one expire')
    },
  ),

  storeCase('a session may live until the end of the year 9999', async (subject) => {
    for (const expiry of [
      '2038-01-19T03:14:08.000Z',
      '2106-02-07T06:28:16.000Z',
      '9999-12-31T23:59:59.000Z',
    ]) {
      const token = subject.token()
      await subject.commit(token, text('far ahead'), new Date(expiry))
      expectData(
        await subject.find(token),
        text('far ahead'),
        `a session with the expiry ${expiry} is found`,
      )
    }
  }),
]

// Whether the session was seen alive: if the first find comes back too late, nothing was seen.
async function livesAndEnds(subject: Subject, more: number): Promise<boolean> {
  const token = subject.token()
  const expiry = midSecond(more).getTime()
  await subject.commit(token, text('short-lived'), new Date(expiry))
  let seen = false
  while (Date.now() < expiry) {
    const outcome = await attempt(() => subject.find(token))
    const left = expiry - Date.now()
    const gone = isAbsent(outcome)
    assert.ok(
      !gone || left <= 0,
      `a session is found until its expiry, to the millisecond; it was gone ${left} ms before`,
    )
    seen ||= !gone
    await pause()
  }
  await until(expiry + grace)
  await expectExpired(
    subject,
    token,
    'a session is not found any more when its expiry has passed, to the millisecond',
  )
  return seen
}
