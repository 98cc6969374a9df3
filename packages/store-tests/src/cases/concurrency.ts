import { strict as assert } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import { atOnce } from '../at-once.ts'
import { attempt, expectData, isAbsent, messageOf } from '../expect.ts'
import { live, text } from '../sample.ts'
import { type StoreCase, storeCase } from '../store-case.ts'

/** Calls at the same time. */
export const concurrencyCases: readonly StoreCase[] = [
  storeCase('50 commits of different tokens at once are all kept', async (subject) => {
    const tokens = await atOnce(50, async () => subject.token())
    await atOnce(50, (index) => subject.commit(tokens[index] ?? '', text(`data ${index}`), live()))
    const found = await atOnce(50, (index) => subject.find(tokens[index] ?? ''))
    found.forEach((data, index) => {
      expectData(data, text(`data ${index}`), 'commits of different tokens at once are all kept')
    })
  }),

  storeCase('50 commits of one token at once leave one of them whole', async (subject) => {
    const promise = 'commits of one token at once succeed, and one of them is kept whole'
    const token = subject.token()
    // Each of a length and a letter of its own: no mixture is one of them.
    const candidates = await atOnce(50, async (index) =>
      new Uint8Array(100 + index).fill(0x41 + index),
    )
    const outcomes = await atOnce(50, (index) =>
      attempt(() => subject.commit(token, candidates[index] ?? text(''), live())),
    )
    for (const outcome of outcomes) {
      if ('error' in outcome) assert.fail(`${promise}; one failed: ${messageOf(outcome.error)}`)
    }
    const found = await subject.find(token)
    assert.ok(found, `${promise}; none is there`)
    assert.ok(
      candidates.some((data) => Buffer.compare(data, found) === 0),
      `${promise}; what is there was never committed`,
    )
  }),

  storeCase('commit and delete of one token at once are quiet', async (subject) => {
    const promise = 'commit and delete of one token at once succeed, whichever comes first'
    const [token, other] = [subject.token(), subject.token()]
    const commits = await atOnce(50, () =>
      attempt(() => subject.commit(other, text('no delete'), live())),
    )
    // The business of the case before.
    if (commits.some((outcome) => 'error' in outcome)) return
    const outcomes = await atOnce(50, (index) =>
      attempt(() =>
        index % 2 === 0
          ? subject.commit(token, text('there or not'), live())
          : subject.delete(token),
      ),
    )
    // What delete makes of a missing token is the business of another case.
    const deleteOfMissing = await attempt(() => subject.delete(subject.token()))
    outcomes.forEach((outcome, index) => {
      if (!('error' in outcome) || (index % 2 === 1 && 'error' in deleteOfMissing)) return
      assert.fail(`${promise}; one failed: ${messageOf(outcome.error)}`)
    })
    const found = await attempt(() => subject.find(token))
    const missing = await attempt(() => subject.find(subject.token()))
    if ('value' in found && !isAbsent(found) && !isDeepStrictEqual(found, missing)) {
      expectData(found.value, text('there or not'), `${promise}; nothing is left by halves`)
    }
  }),
]
