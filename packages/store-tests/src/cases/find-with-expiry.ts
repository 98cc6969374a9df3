import { strict as assert } from 'node:assert'
import { types } from 'node:util'
import {
  attempt,
  expectAsMissing,
  expectData,
  expiryOff,
  isAbsent,
  kindOf,
  messageOf,
} from '../expect.ts'
import { malformedTokens } from '../malformed-tokens.ts'
import { live, past, text } from '../sample.ts'
import { type StoreCase, storeCase } from '../store-case.ts'

const second = 1000

/** findWithExpiry, and what all methods of AtomicStore share. */
export const findWithExpiryCases: readonly StoreCase[] = [
  storeCase(
    'findWithExpiry gives the data and the expiry that were committed',
    async (subject) => {
      for (const expiry of [live(), live(60)]) {
        const token = subject.token()
        await subject.commit(token, text('committed'), expiry)
        const found = await subject.findWithExpiry(token)
        expectData(found?.data, text('committed'), 'findWithExpiry gives the data, as find does')
        assert.ok(types.isDate(found?.expiry), 'findWithExpiry gives the expiry as a Date')
        const off = found.expiry.getTime() - expiry.getTime()
        assert.ok(
          Math.abs(off) < second,
          `findWithExpiry gives the expiry that was committed; it is off by ${off} ms`,
        )
      }
    },
    'atomic',
  ),

  storeCase(
    'findWithExpiry gives an expiry after 2038 as it was committed',
    async (subject) => {
      const [near, nearExpiry] = [subject.token(), live()]
      await subject.commit(near, text('near'), nearExpiry)
      for (const far of ['2038-01-19T03:14:08.000Z', '2106-02-07T06:28:16.000Z']) {
        const token = subject.token()
        const expiry = new Date(far)
        await subject.commit(token, text('far ahead'), expiry)
        // What is not found at all is the business of another case.
        if (isAbsent(await attempt(() => subject.find(token)))) continue
        const promise = `findWithExpiry gives the expiry ${far} as it was committed`
        const off = await expiryOff(subject, token, expiry)
        const nearOff = await expiryOff(subject, near, nearExpiry)
        if (Math.abs(nearOff) < second)
          assert.ok(Math.abs(off) < second, `${promise}; it is off by ${off} ms`)
      }
    },
    'atomic',
  ),

  storeCase(
    'findWithExpiry of a missing session is undefined',
    async (subject) => {
      const promise = 'findWithExpiry of a token that was never committed is undefined'
      const outcome = await attempt(() => subject.findWithExpiry(subject.token()))
      if ('error' in outcome) assert.fail(`${promise}; it threw: ${messageOf(outcome.error)}`)
      assert.ok(outcome.value === undefined, `${promise}, not ${kindOf(outcome.value)}`)
    },
    'atomic',
  ),

  storeCase(
    'findWithExpiry of an expired session is undefined',
    async (subject) => {
      const token = subject.token()
      await subject.commit(token, text('expired'), past())
      await expectAsMissing(
        (which) => subject.findWithExpiry(which),
        subject,
        token,
        'findWithExpiry of a session whose expiry has passed is undefined',
      )
    },
    'atomic',
  ),

  storeCase(
    'commit and the atomic methods keep the expiry to the millisecond',
    async (subject) => {
      const [token, newToken] = [subject.token(), subject.token()]
      const data = text('committed')
      const writes: readonly (readonly [string, string, (expiry: Date) => Promise<unknown>])[] = [
        ['commit', token, (expiry) => subject.commit(token, data, expiry)],
        ['touch', token, (expiry) => subject.touch(token, expiry)],
        [
          'swap',
          token,
          (expiry) =>
            subject.swap({ from: { token, data }, to: { token, data, expiry }, absorbed: [] }),
        ],
        [
          'swap to another token',
          newToken,
          (expiry) =>
            subject.swap({
              from: { token, data },
              to: { token: newToken, data, expiry },
              absorbed: [],
            }),
        ],
      ]
      let minutes = 0
      for (const [method, where, write] of writes) {
        for (const ms of where === newToken ? [501] : [1, 499, 500, 999]) {
          const expiry = new Date(live(minutes++).getTime() + ms)
          await write(expiry)
          const off = await expiryOff(subject, where, expiry)
          // Further off, it was not rounded but not written, which is the business of other cases.
          assert.ok(
            off === 0 || !(Math.abs(off) <= second),
            `an expiry is kept to the millisecond; after ${method} it is off by ${off} ms`,
          )
        }
      }
    },
    'atomic',
  ),

  storeCase(
    'bytes that findWithExpiry gave may be changed',
    async (subject) => {
      const token = subject.token()
      await subject.commit(token, text('as committed'), live())
      const given = await subject.findWithExpiry(token)
      given?.data.fill(0x2a)
      given?.expiry.setTime(0)
      const found = await subject.findWithExpiry(token)
      expectData(
        found?.data,
        text('as committed'),
        'what a caller does to what findWithExpiry gave does not change what is stored',
      )
    },
    'atomic',
  ),

  storeCase(
    'the atomic methods find nothing under a malformed token',
    async (subject) => {
      const [token, data] = [subject.token(), text('under a token')]
      await subject.commit(token, data, live())
      const swapOf = (which: string) => ({
        from: { token: which, data },
        to: { token: subject.token(), data, expiry: live() },
        absorbed: [],
      })
      for (const [kind, malformed] of malformedTokens(token)) {
        // In this order, what a faulty method creates does not disturb the next.
        const methods: readonly (readonly [string, (token: string) => Promise<unknown>])[] = [
          ['findWithExpiry', (which) => subject.findWithExpiry(which)],
          ['touch', (which) => subject.touch(which, live())],
          ['swap', (which) => subject.swap(swapOf(which))],
          [
            'swap, which absorbs it,',
            (which) => subject.swap({ ...swapOf(token), absorbed: [{ token: which, data }] }),
          ],
        ]
        for (const [method, call] of methods) {
          const promise = `${method} of a malformed token (${kind}) finds no session, without an error`
          await expectAsMissing(call, subject, malformed, promise)
        }
      }
    },
    'atomic',
  ),
]
