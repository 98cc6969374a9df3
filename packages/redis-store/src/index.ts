// Which clients it takes
export type {
  IoRedisClient,
  IoRedisCluster,
  IoRedisCommand,
  NodeRedisClient,
  NodeRedisCluster,
  NodeRedisOptions,
  RedisClient,
} from './client.ts'
// The store
export { RedisStore, type RedisStoreOptions } from './redis-store.ts'
