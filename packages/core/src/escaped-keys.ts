// JSON.parse of some versions of V8 takes a key with an escape for a key that it parsed earlier, perhaps in the
// session of another visitor (nodejs/node#63785). So an object of text that has such a key is parsed as an array.

// The last escape of a key. A false match costs time, and nothing else.
const escapedKey = /\\.[^"\\]*"\s*:/
const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}:]/g
const asArray: Readonly<Record<string, string>> = { '{': '{"members":[', '}': ']}', ':': ',' }

/** `JSON.parse(text)`, right for keys with escapes. */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  if (!text.includes('\\') || !escapedKey.test(text)) return value
  const rewritten = text.replace(
    token,
    (found) => (found.length > 1 ? found : asArray[found]) ?? '',
  )
  return restored(JSON.parse(rewritten))
}

function restored(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(restored)
  const { members } = value as { members: unknown[] }
  const object: [string, unknown][] = []
  for (let at = 0; at < members.length; at += 2) {
    object.push([members[at] as string, restored(members[at + 1])])
  }
  return Object.fromEntries(object)
}
