import { vi } from 'vitest'

/** Waits for what nobody tells of. */
export function until(condition: () => boolean | Promise<boolean>): Promise<unknown> {
  return vi.waitUntil(condition, { timeout: 50_000, interval: 5 })
}
