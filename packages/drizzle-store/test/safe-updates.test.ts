import { background } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { sql } from 'drizzle-orm'
import { describe, expect, it, onTestFinished } from 'vitest'
import { moved, over } from '../../../test/swaps.ts'
import { isAvailable, openNew, select } from './databases.ts'
import { mysqlConnection } from './drivers.ts'
import { sessionsOf } from './sessions-of.ts'

const ctx = background()
const data = Buffer.from('data')
const past = new Date('2001-01-01')
const future = new Date('2100-01-01')

describe.skipIf(!isAvailable(mysqlConnection))('MariaDB with sql_safe_updates = 1', () => {
  it('every method works, and so does the cleanup, which leaves the setting as it is', async () => {
    const { db, run, close } = await openNew(mysqlConnection)
    onTestFinished(close)
    await run(sql`set sql_safe_updates = 1`)
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    for (let n = 0; n < 250; n++) await store.commitCtx(ctx, `expired-${n}`, data, past)
    await store.commitCtx(ctx, 'a', data, future)
    await store.commitCtx(ctx, 'gone', data, future)

    expect(await store.deleteExpired()).toBe(250)
    expect(await store.touch(ctx, 'a', future)).toBe(true)
    expect(await store.swap(ctx, over('a', data, Buffer.from('new'), future))).toBe(true)
    expect(await store.swap(ctx, moved('a', 'b', Buffer.from('new'), data, future))).toBe(true)
    await store.commitCtx(ctx, 'c', data, future)
    const swap = {
      from: { token: 'b', data },
      to: { token: 'd', data, expiry: future },
      absorbed: [{ token: 'c', data }],
    }
    expect(await store.swap(ctx, swap)).toBe(true)
    await store.deleteCtx(ctx, 'gone')
    expect([...(await sessionsOf(store)).keys()]).toEqual(['d'])
    const from = sql`(select @@sql_safe_updates as value) as setting`
    expect(await select(db, { value: sql`value` }, from)).toEqual([{ value: 1 }])
  })
})
