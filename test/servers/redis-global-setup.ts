import { redis } from './redis.ts'
import { serversOf } from './shared-servers.ts'

/** Gives the tests of a project their Redis, as `inject('redisUrl')`. */
export const setup = serversOf(redis)
