import { type PrivateServer, startPrivateServer } from '../../../test/servers/private-server.ts'
import { redis } from '../../../test/servers/redis.ts'

/** Whether this machine can start a Redis. */
export function canStartRedis(): boolean {
  return redis.recipe() !== undefined
}

/** A Redis that may be killed. */
export interface OwnRedis extends PrivateServer {
  readonly url: string
}

/** Starts a Redis with more options: the later of two of one name counts. */
export async function startRedis(...options: string[]): Promise<OwnRedis> {
  const recipe = redis.recipe()
  if (recipe === undefined) throw new Error('there is no redis-server here')
  const server = await startPrivateServer({
    ...recipe,
    serve: (directory, port) => [...recipe.serve(directory, port), ...options],
  })
  return { ...server, url: redis.url(server.port) }
}

/** What it takes for a killed Redis to return with all that it has acknowledged. */
export const durable = ['--appendonly', 'yes', '--appendfsync', 'always']
