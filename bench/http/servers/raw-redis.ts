import { createClient } from 'redis'
import { rename, replace } from '../../../packages/redis-store/src/scripts.ts'
import type { Statements } from './raw-statements.ts'

// Bytes, as they come.
const options = { typeMapping: { 36: Buffer } }

/** On Redis: GET, SET, and by their hashes the scripts of RedisStore, which compare and swap. */
export async function redisStatements(address: string): Promise<Statements> {
  const client = await createClient({ url: address }).connect()
  for (const { lua } of [replace, rename]) await client.scriptLoad(lua)
  const key = (token: string) => `raw:${token}`
  return {
    find: async (token) =>
      (await client.sendCommand<Buffer>(['GET', key(token)], options)) ?? undefined,
    commit: (token, data, expiry) =>
      client.sendCommand(['SET', key(token), data as Buffer, 'PXAT', String(expiry.getTime())]),
    async replace(token, expected, next) {
      const { sha } = next.token === token ? replace : rename
      const keys = [...new Set([token, next.token])].map(key)
      const values = [expected as Buffer, next.data as Buffer, String(next.expiry.getTime())]
      const done = await client.sendCommand<number>(
        ['EVALSHA', sha, String(keys.length), ...keys, ...values],
        options,
      )
      return done === 1
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
}
