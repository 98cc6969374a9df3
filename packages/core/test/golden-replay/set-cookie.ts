import type { Comparison } from './compare.ts'
import { isAhead, type Moment } from './placeholders.ts'
import type { CallEntry } from './transcript.ts'

/** A Set-Cookie line: the cookie, and its attributes in order. */
export interface SetCookieLine {
  readonly pair: string
  readonly attributes: readonly (readonly [name: string, value: string | undefined])[]
}

/** Takes a Set-Cookie line apart. */
export function parseSetCookie(line: string): SetCookieLine {
  const [pair = '', ...attributes] = line.split('; ')
  return {
    pair,
    attributes: attributes.map((text) => {
      const equals = text.indexOf('=')
      return equals === -1 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)]
    }),
  }
}

/** Puts it together again. */
export function formatSetCookie({ pair, attributes }: SetCookieLine): string {
  return [
    pair,
    ...attributes.map(([name, value]) => (value === undefined ? name : `${name}=${value}`)),
  ].join('; ')
}

/**
 * What differs between two Set-Cookie lines. `Expires=<ceil …>` is the second after an expiry that a commit among
 * `calls` had, and `Max-Age` the seconds until then, rounded as SCS does.
 */
export function compareSetCookie(
  expected: string,
  actual: string,
  calls: readonly CallEntry[],
  { placeholders, moment, count }: Comparison,
): string[] {
  count()
  const [ours, theirs] = [parseSetCookie(actual), parseSetCookie(expected)]
  const different = [`expected ${expected}, got ${actual}`]
  if (!placeholders.matches(theirs.pair, ours.pair, moment)) return different
  // Their order is anyone's.
  const names = (line: SetCookieLine) =>
    line.attributes
      .map(([name]) => name)
      .sort()
      .join()
  if (names(theirs) !== names(ours)) return different
  const value = (name: string) => ours.attributes.find(([other]) => other === name)?.[1] ?? ''
  const expires = Date.parse(value('Expires'))
  const maxAge = Number(value('Max-Age'))
  const fits = theirs.attributes.every(([name, wanted = '']) => {
    count()
    const ceiling = /^<ceil (.*)>$/.exec(wanted)?.[1]
    if (name === 'Expires' && ceiling !== undefined) {
      return calls.some(({ expiry = '' }) => {
        const time = Date.parse(expiry)
        const text = ceiling.startsWith('now') ? `<${ceiling}>` : ceiling
        return (
          Math.floor(time / 1000) * 1000 + 1000 === expires &&
          placeholders.matches(text, expiry, moment)
        )
      })
    }
    const ahead = /^<now([+-][\d.]+)s>$/.exec(wanted)?.[1]
    if (name === 'Expires' && ahead !== undefined && maxAge === 0) {
      return isNear(expires - Number(ahead) * 1000, 1500, moment)
    }
    if (name === 'Expires' && ahead !== undefined) {
      return (
        isNear(expires - maxAge * 1000, 1200, moment) &&
        isAhead(moment.sent + maxAge * 1000, Number(ahead), moment)
      )
    }
    if (name === 'Max-Age' && wanted === '<until Expires>') {
      return isNear(expires - maxAge * 1000, 2000, moment)
    }
    if (name === 'Max-Age' && Number(wanted) > 0) {
      // No more than was recorded, and no less but for the time by which this replay has fallen behind.
      if (maxAge > Number(wanted) || maxAge < Number(wanted) - Math.ceil(moment.lag - 0.1)) {
        return false
      }
      const committed = calls
        .map(({ expiry = '' }) => Date.parse(expiry))
        .filter((time) => Math.floor(time / 1000) * 1000 + 1000 === expires)
      const left = (time: number) => Math.trunc(time / 1000 + 1)
      return (
        committed.length === 0 ||
        committed.some(
          (time) =>
            left(time - moment.received - 1) <= maxAge && left(time - moment.sent) >= maxAge,
        )
      )
    }
    return value(name) === wanted
  })
  return fits ? [] : different
}

// Whether a time is that of the request, however long that took.
function isNear(time: number, tolerance: number, { sent, received }: Moment): boolean {
  return time >= sent - tolerance && time <= received + tolerance
}
