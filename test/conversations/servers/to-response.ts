import { Readable } from 'node:stream'
import type { Reply } from '../exchange.ts'

/** A reply as the response of the fetch standard. */
export function toResponse({ status = 200, headers = {}, body }: Reply): Response {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((line): [string, string] => [name, line]),
  )
  return new Response(bytesOf(body), { status, headers: lines })
}

/** A redirect. */
export function redirectTo(location: string): Response {
  return new Response(null, { status: 302, headers: { Location: location } })
}

function bytesOf(body: Reply['body']) {
  if (body === undefined || typeof body === 'string') return body
  if (!(body instanceof Readable)) return new Uint8Array(body)
  // A stream of the fetch standard carries no strings.
  return Readable.toWeb(body.map((chunk) => Buffer.from(chunk))) as ReadableStream<never>
}
