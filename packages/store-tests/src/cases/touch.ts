import { strict as assert } from 'node:assert'
import { allOf, atOnce } from '../at-once.ts'
import { expectData, expectExpired, expectExpiry, expectGone } from '../expect.ts'
import { deleteRemoves, touchLeavesData } from '../premises.ts'
import { live, past, text } from '../sample.ts'
import { type StoreCase, storeCase } from '../store-case.ts'

/** touch: the expiry alone. */
export const touchCases: readonly StoreCase[] = [
  storeCase(
    'touch moves the expiry, later and earlier',
    async (subject) => {
      const token = subject.token()
      await subject.commit(token, text('touched'), live(1))
      for (const expiry of [live(2), live()]) {
        assert.ok((await subject.touch(token, expiry)) === true, 'touch of a live session is true')
        await expectExpiry(subject, token, expiry, 'touch moves the expiry, later and earlier')
      }
      await subject.touch(token, past())
      await expectExpired(subject, token, 'touch moves the expiry, also into the past')
    },
    'atomic',
  ),

  storeCase(
    'touch leaves the data as it is',
    async (subject) => {
      const token = subject.token()
      await subject.commit(token, text('touched'), live())
      await subject.touch(token, live(1))
      expectData(await subject.find(token), text('touched'), 'touch leaves the data as it is')
    },
    'atomic',
  ),

  storeCase(
    'touch to the expiry that is there is true',
    async (subject) => {
      const token = subject.token()
      const expiry = live()
      await subject.commit(token, text('touched'), expiry)
      assert.ok(
        (await subject.touch(token, expiry)) === true,
        'touch to the expiry that is there already is true: count the rows that match, not those that change',
      )
    },
    'atomic',
  ),

  storeCase(
    'touch of a missing session is false and creates nothing',
    async (subject) => {
      const promise = 'touch of a session that is not there is false and creates none'
      const token = subject.token()
      assert.ok((await subject.touch(token, live())) === false, promise)
      await expectGone(subject, token, promise)
    },
    'atomic',
  ),

  storeCase(
    'touch of an expired session is false and does not revive it',
    async (subject) => {
      const promise = 'touch of a session whose expiry has passed is false and does not revive it'
      const token = subject.token()
      await subject.commit(token, text('expired'), past())
      assert.ok((await subject.touch(token, live())) === false, promise)
      await expectExpired(subject, token, promise)
    },
    'atomic',
  ),

  storeCase(
    'touch is one step: it undoes neither a commit nor a delete',
    async (subject) => {
      if (!(await touchLeavesData(subject)) || !(await deleteRemoves(subject))) return
      const tokens = await atOnce(10, async () => subject.token())
      for (const [round, token] of tokens.entries()) {
        await subject.commit(token, text('first'), live())
        const calls = [
          () => subject.touch(token, live(1)),
          () => subject.commit(token, text('second'), live()),
        ]
        if (round % 2 === 1) calls.reverse()
        await allOf<unknown>(calls.map((call) => call()))
        expectData(
          await subject.find(token),
          text('second'),
          'touch never brings back data that was replaced meanwhile: write the expiry alone',
        )

        const others = [() => subject.touch(token, live(1)), () => subject.delete(token)]
        if (round % 2 === 1) others.reverse()
        await allOf<unknown>(others.map((call) => call()))
        await expectGone(subject, token, 'touch never brings back a session deleted meanwhile')
      }
    },
    'atomic',
  ),
]
