import { strict as assert } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import { live, text } from '../sample.ts'
import { type StoreCase, storeCase } from '../store-case.ts'
import type { Subject } from '../subject.ts'

// A committed session with something of the user's beside it, and what the hook reads of that.
async function withExtras(subject: Subject): Promise<{ token: string; before: unknown }> {
  const token = subject.token()
  await subject.commit(token, text('first'), live())
  await subject.extras.write(token)
  const before = await subject.extras.read(token)
  assert.ok(
    before !== undefined && before !== null,
    'extras.read finds nothing right after extras.write: the hooks of the test are wrong, not the store',
  )
  return { token, before }
}

async function expectKept(subject: Subject, token: string, before: unknown, method: string) {
  const after = await subject.extras.read(token)
  assert.ok(
    isDeepStrictEqual(after, before),
    `${method} keeps what others hold in the row or in rows that refer to it: update the row, do not replace it`,
  )
}

/** What is the user's, in and around a row. */
export const extrasCases: readonly StoreCase[] = [
  storeCase(
    'extra columns and child rows survive commit',
    async (subject) => {
      const { token, before } = await withExtras(subject)
      await subject.commit(token, text('second, longer'), live(1))
      await expectKept(subject, token, before, 'commit')
    },
    'extras',
  ),

  storeCase(
    'extra columns and child rows survive touch',
    async (subject) => {
      const { token, before } = await withExtras(subject)
      assert.ok(await subject.touch(token, live(2)))
      await expectKept(subject, token, before, 'touch')
    },
    'extras',
    'atomic',
  ),

  storeCase(
    'extra columns and child rows survive swap',
    async (subject) => {
      const { token, before } = await withExtras(subject)
      const other = { token: subject.token(), data: text('absorbed') }
      let from = { token, data: text('first') }
      for (const absorbed of [[], [other]]) {
        for (const row of absorbed) await subject.commit(row.token, row.data, live())
        const to = { token, data: text(`second, over ${absorbed.length}`), expiry: live(1) }
        assert.ok(await subject.swap({ from, to, absorbed }))
        await expectKept(subject, token, before, 'swap')
        from = to
      }
    },
    'extras',
    'atomic',
  ),
]
