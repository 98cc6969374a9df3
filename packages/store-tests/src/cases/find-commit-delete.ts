import { strict as assert } from 'node:assert'
import { attempt, expectAsMissing, expectData, expectGone, kindOf, messageOf } from '../expect.ts'
import { live, text } from '../sample.ts'
import { type StoreCase, storeCase } from '../store-case.ts'
import { atomicMethods, missingAtomicMethods } from '../target.ts'

/** What every store does, one call after another. */
export const findCommitDeleteCases: readonly StoreCase[] = [
  storeCase('has find, commit and delete, with a context or without', async ({ store }) => {
    const plain = [store.find, store.commit, store.delete]
    const ctx = [store.findCtx, store.commitCtx, store.deleteCtx]
    assert.ok(
      plain.every((method) => method) || ctx.every((method) => method),
      'a store has all of find, commit and delete, or all of findCtx, commitCtx and deleteCtx',
    )
  }),

  storeCase('has all methods of AtomicStore, or none', async ({ store }) => {
    const missing = missingAtomicMethods(store)
    assert.ok(
      missing.length === 0 || missing.length === atomicMethods.length,
      `the store has some methods of AtomicStore, but not ${missing.join(', ')}: a session manager refuses it`,
    )
  }),

  storeCase('find of a missing session is undefined', async (subject) => {
    const promise = 'find of a token that was never committed is undefined'
    const outcome = await attempt(() => subject.find(subject.token()))
    if ('error' in outcome) {
      assert.fail(
        `${promise}; it threw, which says that the store itself failed: ${messageOf(outcome.error)}`,
      )
    }
    assert.ok(outcome.value === undefined, `${promise}, not ${kindOf(outcome.value)}`)
  }),

  storeCase('find gives the data that was committed', async (subject) => {
    const token = subject.token()
    await subject.commit(token, text('committed'), live())
    expectData(
      await subject.find(token),
      text('committed'),
      'find gives the data that commit was given',
    )
    expectData(await subject.find(token), text('committed'), 'find gives the same when asked again')
  }),

  storeCase('commit replaces the data', async (subject) => {
    const token = subject.token()
    const expiry = live()
    await subject.commit(token, text('the first data, the longer one'), expiry)
    await subject.commit(token, text('the second'), expiry)
    expectData(
      await subject.find(token),
      text('the second'),
      'commit replaces the data of a session that is there',
    )
  }),

  storeCase('delete removes the session', async (subject) => {
    const token = subject.token()
    await subject.commit(token, text('to be deleted'), live())
    await subject.delete(token)
    await expectGone(subject, token, 'a session that was deleted is not found')
  }),

  storeCase('a deleted session can be committed again', async (subject) => {
    const token = subject.token()
    await subject.commit(token, text('before'), live())
    await subject.delete(token)
    await subject.commit(token, text('after'), live())
    expectData(
      await subject.find(token),
      text('after'),
      'a token whose session was deleted can be committed again',
    )
  }),

  storeCase('delete of a missing session is quiet', async (subject) => {
    const outcome = await attempt(() => subject.delete(subject.token()))
    if ('error' in outcome) {
      assert.fail(
        `delete of a token that was never committed does nothing; it threw: ${messageOf(outcome.error)}`,
      )
    }
  }),

  storeCase('delete of a session that was deleted is quiet', async (subject) => {
    const token = subject.token()
    await subject.commit(token, text('to be deleted twice'), live())
    await subject.delete(token)
    await expectAsMissing(
      (which) => subject.delete(which),
      subject,
      token,
      'delete of a session that was deleted before does nothing',
    )
  }),

  storeCase('delete leaves other sessions alone', async (subject) => {
    const [token, other] = [subject.token(), subject.token()]
    await subject.commit(token, text('to be deleted'), live())
    await subject.commit(other, text('to be kept'), live())
    await subject.delete(token)
    expectData(
      await subject.find(other),
      text('to be kept'),
      'delete removes one session and leaves all others alone',
    )
  }),
]
