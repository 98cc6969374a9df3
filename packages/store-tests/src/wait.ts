/** Waits until the clock shows `time` or later, in milliseconds since 1970. */
export async function until(time: number): Promise<void> {
  while (Date.now() < time) await pause()
}

/** A few milliseconds, for loops that watch something. */
export function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 5)
  })
}
