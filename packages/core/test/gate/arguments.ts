import type { ServerResponse } from 'node:http'
import type { BadCall, Chunk, Entry } from './program.ts'

/** What `setHeaders` takes. */
export function collection(as: 'Map' | 'Headers', entries: readonly Entry[]) {
  if (as === 'Map') return new Map(entries.map(copied)) as never
  const headers = new Headers()
  // Fetch's headers take bytes alone.
  for (const [name, value] of entries)
    for (const one of [value].flat()) headers.append(name, String(one))
  return headers
}

/** Node adds to the very array that it was given. */
export function copied(entry: Entry): [string, unknown] {
  return [entry[0], valueIn(entry)]
}

/** The value of an entry, for one call. */
export function valueIn([, value]: Entry): unknown {
  return Array.isArray(value) ? [...value] : value
}

const pattern = Buffer.alloc(1_000_000, 'ghijklmnop')

/** The data of a chunk. */
export function made({ as, size }: Chunk): {
  readonly data: string | Uint8Array
  readonly encoding?: BufferEncoding
} {
  const bytes = pattern.subarray(0, size)
  if (as === 'Buffer') return { data: bytes }
  if (as === 'Uint8Array') return { data: new Uint8Array(bytes) }
  if (as === 'no encoding') return { data: `é${bytes.toString()}` }
  return { data: bytes.toString(as), encoding: as }
}

/** Makes a call with arguments that no response takes. */
export function callBadly(res: ServerResponse, call: BadCall): unknown {
  switch (call) {
    case 'writeHead(99)':
      return res.writeHead(99)
    case 'writeHead(200, a name with a space)':
      return res.writeHead(200, { 'X-Before': '1', 'a b': '1' })
    case 'writeHead(200, a value with a line break)':
      return res.writeHead(201, { 'X-Before': '1', a: '1\n2' })
    case 'writeHead(200, a value that is undefined)':
      return res.writeHead(201, { 'X-Before': '1', a: undefined })
    case 'writeHead(200, a list with a name too many)':
      return res.writeHead(202, ['X-Before', '1', 'b'])
    case 'writeHead(200, a reason with a line break)':
      return res.writeHead(200, 'a\nb')
    case 'setHeader(a name with a space)':
      return res.setHeader('a b', '1')
    case 'write()':
      return res.write(undefined)
    case 'write(number)':
      return res.write(1)
    case 'write(null)':
      return res.write(null)
    case 'end(object)':
      return res.end({})
  }
}
