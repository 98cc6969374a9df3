import { strict as assert } from 'node:assert'
import { allOf, atOnce } from '../at-once.ts'
import { expectData, expectExpired, expectExpiry, expectGone } from '../expect.ts'
import { deleteRemoves, keepsData, replaceCompares } from '../premises.ts'
import { everyByte, live, longText, past, text } from '../sample.ts'
import { type StoreCase, storeCase } from '../store-case.ts'

/** replace: compare and swap. */
export const replaceCases: readonly StoreCase[] = [
  storeCase(
    'replace writes data and expiry while the expected data is held',
    async (subject) => {
      const token = subject.token()
      await subject.commit(token, text('first'), live(1))
      let held = text('first')
      for (const expiry of [live(2), live(), past()]) {
        const next = text(`until ${expiry.toISOString()}`)
        const replaced = await subject.replace(token, held, next, expiry)
        assert.ok(
          replaced === true,
          'replace is true when a live session holds exactly the expected data',
        )
        if (expiry.getTime() < Date.now()) break
        expectData(await subject.find(token), next, 'replace that is true has written the data')
        await expectExpiry(subject, token, expiry, 'replace writes the expiry, later and earlier')
        held = next
      }
      await expectExpired(subject, token, 'replace writes the expiry, also one in the past')
    },
    'atomic',
  ),

  storeCase(
    'replace writes nothing when other data is held',
    async (subject) => {
      const token = subject.token()
      const [held, expiry] = [text('exactly this'), live()]
      await subject.commit(token, held, expiry)
      for (const expected of [
        'other',
        'exactly thiS',
        'exactly',
        'exactly this ',
        'exactly this and more',
        '',
      ]) {
        const replaced = await subject.replace(token, text(expected), text('written'), live(5))
        const promise =
          'replace is false and writes nothing unless the data held is the expected, byte for byte'
        assert.ok(replaced === false, promise)
        expectData(await subject.find(token), held, promise)
        await expectExpiry(subject, token, expiry, promise)
      }
    },
    'atomic',
  ),

  storeCase(
    'replace of a missing session is false and creates nothing',
    async (subject) => {
      const promise = 'replace of a session that is not there is false and creates none'
      const missing = subject.token()
      const deleted = subject.token()
      await subject.commit(deleted, text('was here'), live())
      await subject.delete(deleted)
      const absent = (await deleteRemoves(subject)) ? [missing, deleted] : [missing]
      for (const token of absent) {
        for (const expected of [text('was here'), text('')]) {
          assert.ok(
            (await subject.replace(token, expected, text('new'), live())) === false,
            promise,
          )
        }
        await expectGone(subject, token, promise)
      }
    },
    'atomic',
  ),

  storeCase(
    'replace of an expired session is false and does not revive it',
    async (subject) => {
      const promise = 'replace of a session whose expiry has passed is false and does not revive it'
      const token = subject.token()
      await subject.commit(token, text('expired'), past())
      const replaced = await subject.replace(token, text('expired'), text('new'), live())
      assert.ok(replaced === false, promise)
      await expectExpired(subject, token, promise)
    },
    'atomic',
  ),

  storeCase(
    'replace by identical data and expiry is true',
    async (subject) => {
      const token = subject.token()
      const [data, expiry] = [text('the same'), live()]
      await subject.commit(token, data, expiry)
      assert.ok(
        (await subject.replace(token, data, data, expiry)) === true,
        'replace by what is there already is true: count the rows that match, not those that change',
      )
      expectData(await subject.find(token), data, 'replace by identical data keeps it')
    },
    'atomic',
  ),

  storeCase(
    'replace compares and keeps every byte value',
    async (subject) => {
      const promise = 'replace compares and writes bytes, not text'
      const token = subject.token()
      // As UTF-8 text these two are the same: two characters that cannot be read.
      if (!(await keepsData(subject, everyByte(), text(''), Uint8Array.of(0xff, 0x00, 0xfe))))
        return
      if (!(await replaceCompares(subject))) return
      const [held, other] = [Uint8Array.of(0xff, 0x00, 0xfe), Uint8Array.of(0xfe, 0x00, 0xff)]
      await subject.commit(token, held, live())
      assert.ok((await subject.replace(token, other, text('wrong'), live())) === false, promise)
      assert.ok((await subject.replace(token, held, everyByte(), live())) === true, promise)
      expectData(await subject.find(token), everyByte(), promise)
      assert.ok((await subject.replace(token, everyByte(), text(''), live())) === true, promise)
      expectData(await subject.find(token), text(''), promise)
      assert.ok((await subject.replace(token, text(''), text('end'), live())) === true, promise)
    },
    'atomic',
  ),

  storeCase(
    'replace takes data of 1 MB for data of 1 MB',
    async (subject) => {
      const promise = 'replace compares and writes data of up to 1 MB whole'
      const token = subject.token()
      const [first, second] = [longText(1_000_000, 'f'), longText(1_000_000, 's')]
      await subject.commit(token, text('small'), live())
      assert.ok(await subject.replace(token, text('small'), first, live()), promise)
      expectData(await subject.find(token), first, promise)
      assert.ok(await subject.replace(token, first, second, live()), promise)
      expectData(await subject.find(token), second, promise)
    },
    'atomic',
  ),

  storeCase(
    'bytes given to replace may be changed afterwards',
    async (subject) => {
      for (const data of [text('as replaced'), Buffer.from(text('as replaced').buffer)]) {
        const token = subject.token()
        await subject.commit(token, text('first'), live())
        await subject.replace(token, text('first'), data, live())
        data.fill(0x2a)
        expectData(
          await subject.find(token),
          text('as replaced'),
          'what a caller does to its bytes after replace does not change what is stored: copy them',
        )
      }
    },
    'atomic',
  ),

  storeCase(
    'replace is one step: of 50 at once one wins, and none undoes a delete',
    async (subject) => {
      if (!(await replaceCompares(subject))) return
      const token = subject.token()
      await subject.commit(token, text('contended'), live())
      const won = await atOnce(50, (index) =>
        subject.replace(token, text('contended'), text(`by ${index}`), live()),
      )
      const winners = won.filter((result) => result).length
      assert.ok(
        winners === 1,
        `of 50 replaces at once that expect the same data one is true, not ${winners}: compare and write in one step`,
      )
      expectData(
        await subject.find(token),
        text(`by ${won.indexOf(true)}`),
        'the replace that was true has written its data',
      )

      if (!(await deleteRemoves(subject))) return
      const doomed = await atOnce(10, async () => subject.token())
      for (const [round, which] of doomed.entries()) {
        await subject.commit(which, text('doomed'), live())
        const calls = [
          () => subject.replace(which, text('doomed'), text('returned'), live()),
          () => subject.delete(which),
        ]
        if (round % 2 === 1) calls.reverse()
        await allOf<unknown>(calls.map((call) => call()))
        await expectGone(subject, which, 'replace never brings back a session deleted meanwhile')
      }
    },
    'atomic',
  ),
]
