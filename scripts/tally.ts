/** What ran, and how it went. */
export interface Tally {
  passed: number
  failed: number
  skipped: number
}

/** The closing line of a run. */
export function tallyLine(tally: Tally): string {
  return `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`
}
