import type { ServerResponse } from 'node:http'
import type { Step } from './program.ts'

/*
 * Where a gated response differs from one of bare node:http, by design. All of it is here.
 *
 * 1. `Vary: Cookie` comes first; a modified session adds its Set-Cookie and rewrites Cache-Control.
 * 2. While a commit is pending, the head can still be changed, and a 1xx be sent, though `headersSent` is true: the
 *    hooks need the first, and the second does no harm. Node throws, or (22) sends the 1xx into the body.
 * 3. What Node finds wrong in a head or a body only when it writes them is an error at the caller there. When the
 *    call was held, the caller has long gone: the connection is cut, and `onError` is told.
 *    Where nothing is held, the caller receives the error. The head then has the headers that the hooks have added,
 *    and later headers follow them.
 * 4. `writeHead` takes a list of pairs also when headers were set before. Node throws (HTTP/1).
 * 5. A `writeHead` that throws leaves the headers behind that it has set. Node has that too, if one had been set before,
 *    as ours is. So a handler that goes on here takes them back, and the
 *    status with them.
 * 6. What is no chunk is refused before the head is sent. Over HTTP/2 Node has sent it by then.
 * 7. From Node 26 on what is written in one turn is one chunk, and what was held is written in one turn.
 * 8. While a commit is pending, `_header` of HTTP/1 is null, though `headersSent` is true: Node's `setHeader` asks it, and the
 *    hooks need that. `_implicitHeader`, which middleware calls where it finds none, does nothing meanwhile.
 * 9. While a commit is pending, `finished` and `writableEnded` are false after the end, too: wrappers of serverless
 *    platforms would take the response for complete. What is written after that end is refused by its callback alone, and
 *    is no `error` event: the writer cannot see that the response was ended.
 */

/** Steps that are not played on a response whose commit may be pending (2). */
export function isTooLate(step: Step, res: ServerResponse): boolean {
  return res.headersSent && (headSteps.has(step.do) || isBadHeader(step))
}

function isBadHeader(step: Step): boolean {
  return step.do === 'bad' && step.call === 'setHeader(a name with a space)'
}

const headSteps: ReadonlySet<Step['do']> = new Set([
  'setHeader',
  'appendHeader',
  'setHeaders',
  'removeHeader',
])

/** Whether this Node joins chunks (7). */
export const joinsChunks: boolean = Number.parseInt(process.versions.node, 10) >= 26

/** Errors that Node finds when it writes (3). */
export const foundLate: ReadonlySet<string> = new Set([
  'Error ERR_HTTP_CONTENT_LENGTH_MISMATCH',
  'Error ERR_HTTP_TRAILER_INVALID',
  'TypeError ERR_HTTP2_INVALID_CONNECTION_HEADERS',
  'TypeError ERR_HTTP2_HEADER_SINGLE_VALUE',
])

/** The lines of a head without those that the gate adds (1), and without what moves by itself. */
export function withoutOurs(lines: readonly string[]): string[] {
  const ours =
    /^(?:vary: cookie$|cache-control: no-cache="set-cookie"$|set-cookie: session(?:-2)?=|date: )/i
  const theirs = lines
    .filter((line) => !ours.test(line))
    .map((line) => line.replace(/^cache-control/i, 'Cache-Control'))
  const isVary = (line: string) => /^vary: /i.test(line)
  return [...theirs.filter(isVary), ...theirs.filter((line) => !isVary(line))]
}
