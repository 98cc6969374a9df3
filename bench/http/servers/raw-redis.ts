import { createClient } from 'redis'
import { swap } from '../../../packages/redis-store/src/scripts.ts'
import type { Statements } from './raw-statements.ts'

// Bytes, as they come.
const options = { typeMapping: { 36: Buffer } }

/** On Redis: GET, SET, and by its hash the script of RedisStore that compares and swaps. */
export async function redisStatements(address: string): Promise<Statements> {
  const client = await createClient({ url: address }).connect()
  await client.scriptLoad(swap.lua)
  const key = (token: string) => `raw:${token}`
  return {
    find: async (token) =>
      (await client.sendCommand<Buffer>(['GET', key(token)], options)) ?? undefined,
    commit: (token, data, expiry) =>
      client.sendCommand(['SET', key(token), data as Buffer, 'PXAT', String(expiry.getTime())]),
    async replace(token, expected, next) {
      const values = [next.data as Buffer, String(next.expiry.getTime()), expected as Buffer]
      const done = await client.sendCommand<number>(
        ['EVALSHA', swap.sha, '2', key(next.token), key(token), ...values],
        options,
      )
      return done === 1
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
}
