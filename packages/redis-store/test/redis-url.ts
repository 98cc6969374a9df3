import { inject } from 'vitest'
import '../../../test/servers/provided-context.ts'

/** The Redis of this run; `undefined` where there is none. */
export function redisUrl(): string | undefined {
  return inject('redisUrl')
}
