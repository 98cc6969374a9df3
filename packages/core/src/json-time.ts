// As `toISOString` writes it: four digits of the year, or a sign and six where four are not enough.
const grammar = /^(?:\d{4}|\+(?!00)\d{6}|-(?!000000)\d{6})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** The Date of which `toISOString` gives exactly `text`; `undefined` when there is none. */
export function timeOf(text: unknown): Date | undefined {
  if (typeof text !== 'string' || !grammar.test(text)) return undefined
  const time = new Date(text)
  // Days that no calendar has (30 February, 24:00) parse as the day after; what is no time at all is NaN here.
  return time.getUTCDate() === Number(text.slice(-16, -14)) ? time : undefined
}
