import { strict as assert } from 'node:assert'
import type { Swap } from '@scs/core'
import {
  attempt,
  expectAsMissing,
  expectData,
  expectExpired,
  expectExpiry,
  expectGone,
  isAbsent,
} from '../expect.ts'
import { keepsData, swapWorks, touchLeavesData } from '../premises.ts'
import { everyByte, live, longText, past, text } from '../sample.ts'
import { type StoreCase, storeCase } from '../store-case.ts'
import type { Subject } from '../subject.ts'

type SwapRow = Swap['absorbed'][number]
type Present = SwapRow & { readonly expiry: Date }

const rowOf = (token: string, data: string) => ({ token, data: text(data) })

// A session that is there, and how swap refers to it.
async function committed(subject: Subject, data: string, expiry = live()): Promise<Present> {
  const row = { ...rowOf(subject.token(), data), expiry }
  await subject.commit(row.token, row.data, expiry)
  return row
}

// A swap that must be false: none of `present` has changed, and nothing is under the new token but
// what was there.
async function expectRefused(
  subject: Subject,
  swap: Swap,
  present: readonly Present[],
  promise: string,
): Promise<void> {
  assert.ok((await subject.swap(swap)) === false, promise)
  for (const row of present) {
    expectData(await subject.find(row.token), row.data, promise)
    await expectExpiry(subject, row.token, row.expiry, promise)
  }
  if (present.some(({ token }) => token === swap.to.token)) return
  await expectGone(subject, swap.to.token, promise)
}

/** swap: compare-and-swap of one session or several. */
export const swapCases: readonly StoreCase[] = [
  storeCase(
    'swap writes data and expiry over the expected data',
    async (subject) => {
      const promise = 'swap with one token writes data and expiry, and is true'
      let from = await committed(subject, 'first')
      for (const expiry of [live(5), live(1)]) {
        const to = { ...from, data: text(`until ${expiry.toISOString()}`), expiry }
        assert.ok((await subject.swap({ from, to, absorbed: [] })) === true, promise)
        expectData(await subject.find(to.token), to.data, promise)
        await expectExpiry(subject, to.token, expiry, promise)
        from = to
      }
    },
    'atomic',
  ),

  storeCase(
    'swap by identical data and expiry is true',
    async (subject) => {
      const expiry = live()
      const from = await committed(subject, 'the same', expiry)
      assert.ok(
        (await subject.swap({ from, to: { ...from, expiry }, absorbed: [] })) === true,
        'swap for what is there already is true: count the rows that match, not those that change',
      )
      expectData(await subject.find(from.token), from.data, 'swap by identical data keeps it')
    },
    'atomic',
  ),

  storeCase(
    'swap to another token moves the session',
    async (subject) => {
      const promise = 'swap to another token leaves the session under that one alone'
      const from = await committed(subject, 'old')
      const to = { ...rowOf(subject.token(), 'new'), expiry: live(5) }
      assert.ok((await subject.swap({ from, to, absorbed: [] })) === true, promise)
      expectData(await subject.find(to.token), to.data, promise)
      await expectExpiry(subject, to.token, to.expiry, promise)
      await expectGone(subject, from.token, promise)
    },
    'atomic',
  ),

  storeCase(
    'swap without a session to write over adds one',
    async (subject) => {
      const promise = 'swap without from adds a session, and is true'
      const to = { ...rowOf(subject.token(), 'new'), expiry: live(5) }
      assert.ok((await subject.swap({ from: undefined, to, absorbed: [] })) === true, promise)
      expectData(await subject.find(to.token), to.data, promise)
      await expectExpiry(subject, to.token, to.expiry, promise)
    },
    'atomic',
  ),

  storeCase(
    'swap changes nothing when the session holds other data',
    async (subject) => {
      const promise = 'swap is false and writes nothing unless from holds the expected data'
      const held = await committed(subject, 'exactly this')
      const other = await committed(subject, 'other')
      for (const expected of ['other', 'exactly thiS', 'exactly', 'exactly this ', '']) {
        const from = rowOf(held.token, expected)
        for (const token of [held.token, subject.token()]) {
          const to = { ...rowOf(token, 'new'), expiry: live(5) }
          for (const absorbed of [[], [other]]) {
            await expectRefused(subject, { from, to, absorbed }, [held, other], promise)
          }
        }
      }
    },
    'atomic',
  ),

  storeCase(
    'swap of a missing session is false and creates nothing',
    async (subject) => {
      const promise = 'swap of a session that is not there is false and creates none'
      const other = await committed(subject, 'other')
      for (const expected of ['never there', '']) {
        const from = rowOf(subject.token(), expected)
        for (const token of [from.token, subject.token()]) {
          const to = { ...rowOf(token, 'new'), expiry: live() }
          for (const absorbed of [[], [other]]) {
            await expectRefused(subject, { from, to, absorbed }, [other], promise)
            await expectGone(subject, from.token, promise)
          }
        }
      }
    },
    'atomic',
  ),

  storeCase(
    'swap of an expired session is false and does not revive it',
    async (subject) => {
      const promise = 'swap of a session whose expiry has passed is false and does not revive it'
      const other = await committed(subject, 'other')
      const from = await committed(subject, 'expired', past())
      for (const absorbed of [[], [other]]) {
        const to = { ...rowOf(subject.token(), 'new'), expiry: live() }
        await expectRefused(subject, { from, to, absorbed }, [other], promise)
        const stays = { ...to, token: from.token }
        assert.ok((await subject.swap({ from, to: stays, absorbed })) === false, promise)
        await expectExpired(subject, from.token, promise)
      }
    },
    'atomic',
  ),

  storeCase(
    'swap never takes the token of another session',
    async (subject) => {
      const promise =
        'swap is false and writes nothing when another session has the new token, also with the same data'
      const [from, taken, other] = [
        await committed(subject, 'own'),
        await committed(subject, 'taken'),
        await committed(subject, 'other'),
      ]
      for (const data of ['new', 'taken']) {
        const to = { ...rowOf(taken.token, data), expiry: live(5) }
        for (const row of [from, undefined]) {
          for (const absorbed of [[], [other]]) {
            await expectRefused(subject, { from: row, to, absorbed }, [from, taken, other], promise)
          }
        }
      }
    },
    'atomic',
  ),

  storeCase(
    'swap to the token of an expired session writes all of it or nothing',
    async (subject) => {
      // Whether the row of an expired session is still there is the store's own affair.
      const promise =
        'swap to the token of an expired session is true and writes, or is false and changes nothing'
      for (const isNew of [true, false]) {
        const from = isNew ? undefined : await committed(subject, 'own')
        const expired = await committed(subject, 'expired', past())
        const to = { ...rowOf(expired.token, 'new'), expiry: live() }
        if (await subject.swap({ from, to, absorbed: [] })) {
          expectData(await subject.find(to.token), to.data, promise)
          if (from) await expectGone(subject, from.token, promise)
        } else {
          await expectExpired(subject, to.token, promise)
          if (from) expectData(await subject.find(from.token), from.data, promise)
        }
      }
    },
    'atomic',
  ),

  storeCase(
    'swap takes out absorbed sessions',
    async (subject) => {
      for (const count of [1, 3]) {
        for (const isMoved of [false, true]) {
          const promise = `swap takes out absorbed sessions, ${count} here, and is true`
          const from = await committed(subject, 'own')
          const bystander = await committed(subject, 'bystander')
          const absorbed: SwapRow[] = []
          while (absorbed.length < count)
            absorbed.push(await committed(subject, `absorbed ${absorbed.length}`))
          const token = isMoved ? subject.token() : from.token
          const to = { ...rowOf(token, 'from, and the others'), expiry: live(5) }
          assert.ok((await subject.swap({ from, to, absorbed })) === true, promise)
          expectData(await subject.find(token), to.data, promise)
          await expectExpiry(subject, token, to.expiry, promise)
          for (const row of absorbed) await expectGone(subject, row.token, promise)
          if (isMoved) await expectGone(subject, from.token, promise)
          expectData(
            await subject.find(bystander.token),
            bystander.data,
            'swap takes out no session but the absorbed ones',
          )
        }
      }
    },
    'atomic',
  ),

  storeCase(
    'swap adds a session that absorbs others',
    async (subject) => {
      for (const count of [1, 3]) {
        const promise = `swap without from adds a session and takes out absorbed ones, ${count} here`
        const absorbed: SwapRow[] = []
        while (absorbed.length < count)
          absorbed.push(await committed(subject, `absorbed ${absorbed.length}`))
        const to = { ...rowOf(subject.token(), 'all of them'), expiry: live(5) }
        assert.ok((await subject.swap({ from: undefined, to, absorbed })) === true, promise)
        expectData(await subject.find(to.token), to.data, promise)
        await expectExpiry(subject, to.token, to.expiry, promise)
        for (const row of absorbed) await expectGone(subject, row.token, promise)
      }
    },
    'atomic',
  ),

  storeCase(
    'swap changes nothing when an absorbed session is not as expected',
    async (subject) => {
      const promise =
        'swap is false and writes nothing when an absorbed session is gone, has expired or holds other data'
      const from = await committed(subject, 'own')
      const good = await committed(subject, 'good')
      const held = await committed(subject, 'exactly this')
      const wrong = [
        rowOf(held.token, 'exactly thiS'),
        rowOf(held.token, 'exactly'),
        rowOf(held.token, ''),
        rowOf(subject.token(), 'missing'),
        rowOf(subject.token(), ''),
        await committed(subject, 'expired', past()),
      ]
      for (const bad of wrong) {
        for (const absorbed of [[bad], [bad, good], [good, bad]]) {
          for (const token of [from.token, subject.token()]) {
            const to = { ...rowOf(token, 'new'), expiry: live(5) }
            await expectRefused(subject, { from, to, absorbed }, [from, good, held], promise)
          }
          const to = { ...rowOf(subject.token(), 'new'), expiry: live(5) }
          const swap = { from: undefined, to, absorbed }
          await expectRefused(subject, swap, [from, good, held], promise)
        }
      }
    },
    'atomic',
  ),

  storeCase(
    'after swap, what has moved or was absorbed is as if it was never there',
    async (subject) => {
      if (!(await swapWorks(subject))) return
      if (!(await touchLeavesData(subject))) return
      const promise =
        'after swap, touch and swap find no session under the old token, nor under that of an absorbed session'
      const [from, absorbed] = [await committed(subject, 'data'), await committed(subject, 'data')]
      const kept = await committed(subject, 'kept')
      const to = { ...rowOf(subject.token(), 'moved'), expiry: live() }
      await subject.swap({ from, to, absorbed: [absorbed] })
      const next = () => ({ ...rowOf(subject.token(), 'again'), expiry: live() })
      for (const { token } of [from, absorbed]) {
        const calls: readonly ((which: string) => Promise<unknown>)[] = [
          (which) => subject.findWithExpiry(which),
          (which) => subject.touch(which, live()),
          ...['data', ''].flatMap((data) => [
            (which: string) => subject.swap({ from: rowOf(which, data), to: next(), absorbed: [] }),
            (which: string) =>
              subject.swap({ from: kept, to: next(), absorbed: [rowOf(which, data)] }),
          ]),
        ]
        for (const call of calls) await expectAsMissing(call, subject, token, promise)
        await expectGone(subject, token, promise)
      }
    },
    'atomic',
  ),

  storeCase(
    'after swap, what was absorbed is in no list of sessions',
    async (subject) => {
      if (!(await swapWorks(subject))) return
      const [from, absorbed] = [await committed(subject, 'own'), await committed(subject, 'gone')]
      const to = { ...from, data: text('both'), expiry: live() }
      await subject.swap({ from, to, absorbed: [absorbed] })
      if (!isAbsent(await attempt(() => subject.find(absorbed.token)))) return
      const listed = new Map<string, Uint8Array>()
      for await (const [token, data] of subject.scan()) listed.set(token, data)
      const promise = 'after swap, scan gives the session, and none that it has absorbed'
      if (listed.has(from.token)) expectData(listed.get(from.token), to.data, promise)
      assert.ok(!listed.has(absorbed.token), promise)
    },
    'atomic',
    'scan',
  ),

  storeCase(
    'swap compares and keeps every byte value',
    async (subject) => {
      const promise = 'swap compares and writes bytes, not text'
      // As UTF-8 text these two are the same: two characters that cannot be read.
      const [held, unlike] = [Uint8Array.of(0xff, 0x00, 0xfe), Uint8Array.of(0xfe, 0x00, 0xff)]
      if (!(await keepsData(subject, everyByte(), text(''), held))) return
      const [token, other] = [subject.token(), subject.token()]
      const expiry = live()
      const swaps = (from: Uint8Array, data: Uint8Array, absorbed: readonly SwapRow[] = []) =>
        subject.swap({ from: { token, data: from }, to: { token, data, expiry }, absorbed })
      await subject.commit(token, text('start'), expiry)
      if (!(await swaps(text('start'), held))) return
      assert.ok((await swaps(unlike, text('wrong'))) === false, promise)
      expectData(await subject.find(token), held, promise)
      assert.ok((await swaps(held, everyByte())) === true, promise)
      expectData(await subject.find(token), everyByte(), promise)
      assert.ok((await swaps(everyByte(), text(''))) === true, promise)
      expectData(await subject.find(token), text(''), promise)
      for (const data of [held, everyByte(), text('')]) {
        await subject.commit(other, data, expiry)
        const wrong = data.length === 0 ? text('some') : unlike
        const absorbed = (bytes: Uint8Array) => [{ token: other, data: bytes }]
        assert.ok((await swaps(text(''), text(''), absorbed(wrong))) === false, promise)
        assert.ok((await swaps(text(''), text(''), absorbed(data))) === true, promise)
      }
    },
    'atomic',
  ),

  storeCase(
    'swap takes data of 1 MB for data of 1 MB',
    async (subject) => {
      const promise = 'swap compares and writes data of up to 1 MB whole'
      const token = subject.token()
      const [first, second] = [longText(1_000_000, 'f'), longText(1_000_000, 's')]
      await subject.commit(token, text('small'), live())
      let from: SwapRow = rowOf(token, 'small')
      for (const data of [first, second]) {
        const to = { token, data, expiry: live() }
        assert.ok((await subject.swap({ from, to, absorbed: [] })) === true, promise)
        expectData(await subject.find(token), data, promise)
        from = to
      }
    },
    'atomic',
  ),

  storeCase(
    'bytes given to swap may be changed afterwards',
    async (subject) => {
      for (const isNew of [true, false]) {
        const from = isNew ? undefined : await committed(subject, 'first')
        const data = text('as swapped')
        const token = from?.token ?? subject.token()
        const to = { token, data, expiry: live() }
        if (!(await subject.swap({ from, to, absorbed: [] }))) continue
        data.fill(0x2a)
        expectData(
          await subject.find(token),
          text('as swapped'),
          'what a caller does to its bytes after swap does not change what is stored: copy them',
        )
      }
    },
    'atomic',
  ),
]
