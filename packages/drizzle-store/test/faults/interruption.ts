import { vi } from 'vitest'
import type { ServerProcess } from './server-process.ts'
import type { UpdatedSession } from './updates.ts'

/**
 * Fulfilled when each of `processes` has acknowledged an update of `session` again; the ms that the
 * last one took, from `since`.
 */
export async function interruption(
  processes: readonly ServerProcess[],
  session: UpdatedSession,
  since: number = performance.now(),
): Promise<number> {
  await Promise.all(
    processes.map((process) =>
      vi.waitUntil(() => session.add(process), { timeout: 60_000, interval: 20 }),
    ),
  )
  return Math.round(performance.now() - since)
}
