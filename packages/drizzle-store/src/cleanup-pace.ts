/** How a cleanup goes on after a batch. */
export interface Pace {
  /** Milliseconds until the next batch. */
  readonly rest: number
  /** The next batch is as large as new sessions demand, and comes sooner when there are many. */
  readonly isHurried: boolean
}

// A fortieth of the time is the cleanup's: with a twentieth, one in a hundred calls took more than
// twice as long.
const restsPerBatch = 39
// Where the network or the disk is slow, more of the time is.
const longestRest = 150
// The share of the time since the last run in which this one speeds up to its utmost. The rest of
// that time must be enough for what is left: otherwise each run takes longer than the one before.
const timeToSpeedUp = 1 / 4

/**
 * The pace of a run that has gone on for `elapsed` milliseconds, the first batch included, when its
 * last batch took `worked`. What it removes has expired in the `window` since the run before began.
 * While that is much longer, the run is gentle; the longer the run takes, the shorter are its
 * rests, until there are none: so that no run takes as long as its window, and the next window is
 * shorter.
 */
export function paceOf(worked: number, elapsed: number, window: number): Pace {
  const haste = elapsed >= window * timeToSpeedUp ? 1 : elapsed / (window * timeToSpeedUp)
  return {
    rest: Math.min(restsPerBatch * worked, longestRest) * (1 - haste),
    isHurried: haste >= 0.5,
  }
}
