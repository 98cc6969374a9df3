import { strict as assert } from 'node:assert'
import { types } from 'node:util'
import { expectData, kindOf } from '../expect.ts'
import { deleteRemoves } from '../premises.ts'
import { live, past, text } from '../sample.ts'
import { type StoreCase, storeCase } from '../store-case.ts'

/** all and allCtx. */
export const allCases: readonly StoreCase[] = [
  storeCase(
    'all gives a Map of every live session and its data',
    async (subject) => {
      const tokens = [subject.token(), subject.token(), subject.token()]
      for (const token of tokens) await subject.commit(token, text(`under ${token}`), live())
      const all = await subject.all()
      assert.ok(types.isMap(all), `all gives a Map of token to data, not ${kindOf(all)}`)
      for (const token of tokens) {
        assert.ok(all.has(token), 'all gives every live session')
        expectData(all.get(token), text(`under ${token}`), 'all gives each session with its data')
      }
    },
    'all',
  ),

  storeCase(
    'all leaves out what has expired',
    async (subject) => {
      const [alive, expired] = [subject.token(), subject.token()]
      await subject.commit(alive, text('live'), live())
      await subject.commit(expired, text('expired'), past())
      const all = await subject.all()
      assert.ok(!all.has(expired), 'all gives live sessions, not those whose expiry has passed')
    },
    'all',
  ),

  // In a store that holds sessions of others, this can only see that the result is a Map.
  storeCase(
    'all of a store without live sessions is an empty Map',
    async (subject) => {
      const token = subject.token()
      await subject.commit(token, text('deleted'), live())
      await subject.delete(token)
      const all = await subject.all()
      const promise = 'all of a store without sessions is an empty Map'
      assert.ok(all !== undefined && all !== null, `${promise}, not ${kindOf(all)}`)
      const listed = types.isMap(all) && all.has(token)
      assert.ok(
        !listed || !(await deleteRemoves(subject)),
        'all leaves out sessions that were deleted',
      )
    },
    'all',
  ),

  storeCase(
    'the Map and the bytes that all gave may be changed',
    async (subject) => {
      const token = subject.token()
      await subject.commit(token, text('as committed'), live())
      const all = await subject.all()
      all.get(token)?.fill(0x2a)
      all.clear?.()
      expectData(
        await subject.find(token),
        text('as committed'),
        'what a caller does to the Map or the bytes that all gave does not change what is stored',
      )
    },
    'all',
  ),
]
