import { strict as assert } from 'node:assert'
import { atOnce } from '../at-once.ts'
import {
  attempt,
  expectAsMissing,
  expectData,
  expectExpired,
  expectExpiry,
  expectGone,
} from '../expect.ts'
import { deleteRemoves, renameMoves } from '../premises.ts'
import { live, past, text } from '../sample.ts'
import { type StoreCase, storeCase } from '../store-case.ts'

/** rename: replace, to another token. */
export const renameCases: readonly StoreCase[] = [
  storeCase(
    'rename moves the session, with new data and expiry',
    async (subject) => {
      const [token, newToken] = [subject.token(), subject.token()]
      const expiry = live(5)
      await subject.commit(token, text('old'), live())
      const renamed = await subject.rename(token, newToken, text('old'), text('new'), expiry)
      assert.ok(renamed === true, 'rename is true when a live session holds the expected data')
      expectData(
        await subject.find(newToken),
        text('new'),
        'rename files the data under the new token',
      )
      await expectExpiry(subject, newToken, expiry, 'rename writes the expiry')
      await expectGone(subject, token, 'rename leaves nothing under the old token')
    },
    'atomic',
  ),

  storeCase(
    'rename changes nothing when other data is held',
    async (subject) => {
      const promise = 'rename is false and changes nothing unless the data held is the expected'
      const [token, newToken] = [subject.token(), subject.token()]
      const [held, expiry] = [text('exactly this'), live()]
      await subject.commit(token, held, expiry)
      for (const expected of ['other', 'exactly thiS', 'exactly', 'exactly this ', '']) {
        const renamed = await subject.rename(token, newToken, text(expected), text('new'), live(5))
        assert.ok(renamed === false, promise)
        expectData(await subject.find(token), held, promise)
        await expectExpiry(subject, token, expiry, promise)
        await expectGone(subject, newToken, promise)
      }
    },
    'atomic',
  ),

  storeCase(
    'rename of a missing session is false and creates nothing',
    async (subject) => {
      const promise = 'rename of a session that is not there is false and creates none'
      for (const expected of ['never there', '']) {
        const newToken = subject.token()
        const data = text(expected)
        const renamed = await subject.rename(subject.token(), newToken, data, text('new'), live())
        assert.ok(renamed === false, promise)
        await expectGone(subject, newToken, promise)
      }
    },
    'atomic',
  ),

  storeCase(
    'rename of an expired session is false and does not revive it',
    async (subject) => {
      const promise = 'rename of a session whose expiry has passed is false and does not revive it'
      const [token, newToken] = [subject.token(), subject.token()]
      await subject.commit(token, text('expired'), past())
      const renamed = await subject.rename(token, newToken, text('expired'), text('new'), live())
      assert.ok(renamed === false, promise)
      await expectGone(subject, newToken, promise)
      await expectExpired(subject, token, promise)
    },
    'atomic',
  ),

  storeCase(
    'after rename the old token is as one that was never there',
    async (subject) => {
      if (!(await renameMoves(subject))) return
      const promise = 'after rename, replace, touch and rename of the old token find no session'
      const [token, data] = [subject.token(), text('moved')]
      await subject.commit(token, data, live())
      await subject.rename(token, subject.token(), data, data, live())
      const calls: readonly ((which: string) => Promise<unknown>)[] = [
        (which) => subject.touch(which, live()),
        (which) => subject.rename(which, subject.token(), data, data, live()),
        (which) => subject.replace(which, data, data, live()),
      ]
      for (const call of calls) await expectAsMissing(call, subject, token, promise)
    },
    'atomic',
  ),

  storeCase(
    'rename is one step: of 20 at once one wins, and one session lives',
    async (subject) => {
      if (!(await renameMoves(subject))) return
      const [token, data] = [subject.token(), text('contended')]
      await subject.commit(token, data, live())
      const newTokens = await atOnce(20, async () => subject.token())
      const won = await atOnce(20, (index) =>
        subject.rename(token, newTokens[index] ?? '', data, text(`by ${index}`), live()),
      )
      const winners = won.filter((result) => result).length
      assert.ok(
        winners === 1,
        `of 20 renames of one session at once one is true, not ${winners}: compare and move in one step`,
      )
      for (const [index, newToken] of newTokens.entries()) {
        const promise =
          'of 20 renames of one session at once, only the one that was true has moved it'
        if (won[index]) expectData(await subject.find(newToken), text(`by ${index}`), promise)
        else await expectGone(subject, newToken, promise)
      }

      if (!(await deleteRemoves(subject))) return
      const rounds = await atOnce(10, async () => [subject.token(), subject.token()] as const)
      for (const [old, renamed] of rounds) {
        await subject.commit(old, data, live())
        const [, moved] = await Promise.all([
          subject.delete(old),
          attempt(() => subject.rename(old, renamed, data, data, live())),
        ])
        const promise =
          'rename and delete of one session at once leave it under the new token, or nowhere'
        assert.ok('value' in moved, promise)
        await expectGone(subject, old, promise)
        if (moved.value === true) expectData(await subject.find(renamed), data, promise)
        else await expectGone(subject, renamed, promise)
      }
    },
    'atomic',
  ),
]
