import { background } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { sql } from 'drizzle-orm'
import { describe, expect, it, onTestFinished } from 'vitest'
import { moved, over } from '../../../test/swaps.ts'
import { isAvailable, openNew, select } from './databases.ts'
import { mysqlConnection, mysqlPool } from './drivers.ts'

const ctx = background()
const future = new Date('2100-01-01')

for (const driver of [mysqlConnection, mysqlPool]) {
  describe.skipIf(!isAvailable(driver))(`${driver.name}, max_allowed_packet`, () => {
    it('a session that would not fit is refused before it is sent, and the connection goes on', async () => {
      const { db, close } = await openNew(driver)
      onTestFinished(close)
      const from = sql`(select @@max_allowed_packet as packet, connection_id() as id) as setting`
      const [before] = await select(db, { packet: sql`packet`, id: sql`id` }, from)
      const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
      const packet = Number(before?.packet)
      const most = Math.floor((packet - 2048) / 2)
      const half = Buffer.alloc(Math.floor(most / 2), 's')
      const tooMuch = Buffer.alloc(most + 1, 's')

      const refusals = [
        () => store.commitCtx(ctx, 'a', tooMuch, future),
        () => store.swap(ctx, over('a', half, Buffer.alloc(half.length + 2), future)),
        () => store.swap(ctx, moved('a', 'b', tooMuch, Buffer.of(1), future)),
      ]
      for (const refused of refusals) {
        const error = await Promise.resolve(refused()).catch((error: unknown) => error)
        expect(error).toBeInstanceOf(RangeError)
        expect(String(error)).toMatch(
          `max_allowed_packet of ${packet} bytes has room for ${(packet - 2048) / 2}: raise it`,
        )
        expect(String(error)).not.toContain('ssss')
      }

      // As much as it says does fit.
      await store.commitCtx(ctx, 'a', tooMuch.subarray(1), future)
      await store.commitCtx(ctx, 'a', half, future)
      expect(await store.swap(ctx, over('a', half, half, future))).toBe(true)
      expect(await store.swap(ctx, moved('a', 'b', half, half, future))).toBe(true)
      expect((await store.findCtx(ctx, 'b'))?.length).toBe(half.length)

      const third = half.subarray(0, Math.floor((most - 256) / 3))
      await store.commitCtx(ctx, 'c', third, future)
      await store.commitCtx(ctx, 'd', third, future)
      const swap = (data: Buffer) => ({
        from: { token: 'c', data: third },
        to: { token: 'c', data, expiry: future },
        absorbed: [{ token: 'd', data: third }],
      })
      await expect(store.swap(ctx, swap(half))).rejects.toThrow('raise it')
      expect(await store.swap(ctx, swap(third))).toBe(true)
      if (driver === mysqlConnection) {
        const [after] = await select(db, { id: sql`id` }, from)
        expect(after?.id).toBe(before?.id)
      }
    })
  })
}
