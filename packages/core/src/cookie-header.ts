const tab = 9
const space = 32
const semicolon = 59
const equals = 61

/**
 * Where the value of the next cookie `name` begins in a Cookie header, at or after `from`; -1 when there is none. Takes
 * linear time and no memory: a client chooses how many other cookies it sends.
 */
export function findCookie(header: string, name: string, from: number): number {
  // A pair begins after a semicolon and blanks, which no name holds: occurrences that overlap cannot both begin one.
  for (let at = header.indexOf(name, from); at >= 0; at = header.indexOf(name, at + name.length)) {
    const before = skipBlanksBack(header, at)
    if (before > 0 && header.charCodeAt(before - 1) !== semicolon) continue
    const after = skipBlanks(header, at + name.length)
    if (header.charCodeAt(after) === equals) return after + 1
  }
  return -1
}

/** The value that begins at `start`, as it was sent: without the blanks around it, with percent escapes. */
export function cookieValue(header: string, start: number): string {
  const semicolonAt = header.indexOf(';', start)
  const last = semicolonAt < 0 ? header.length : semicolonAt
  const first = skipBlanks(header, start)
  return first < last ? header.slice(first, skipBlanksBack(header, last)) : ''
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (isBlank(text.charCodeAt(at))) at++
  return at
}

function skipBlanksBack(text: string, from: number): number {
  let at = from
  while (at > 0 && isBlank(text.charCodeAt(at - 1))) at--
  return at
}

function isBlank(code: number): boolean {
  return code === space || code === tab
}
