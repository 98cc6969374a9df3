import { Readable } from 'node:stream'
import type { Reply } from '../exchange.ts'

/** A reply as the response of the fetch standard. */
export function toResponse({ status = 200, headers = {}, body = null }: Reply): Response {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((line): [string, string] => [name, line]),
  )
  return new Response(body instanceof Readable ? toBytes(body) : (body as BodyInit | null), {
    status,
    headers: lines,
  })
}

/** A redirect. */
export function redirectTo(location: string): Response {
  return new Response(null, { status: 302, headers: { Location: location } })
}

// A stream of the fetch standard carries no strings.
function toBytes(body: Readable): ReadableStream<Uint8Array> {
  return Readable.toWeb(
    body.map((chunk) => Buffer.from(chunk)),
  ) as ReadableStream<unknown> as ReadableStream<Uint8Array>
}
