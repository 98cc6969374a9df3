import { setTimeout as delay } from 'node:timers/promises'

const longest = 64

/** A random pause before another try, longer the more there were: so those that met do not meet again. */
export function backoff(tries: number): Promise<void> {
  return delay(Math.random() * Math.min(2 ** tries, longest))
}
