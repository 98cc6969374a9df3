import type { IncomingMessage } from 'node:http'

const limit = 10_000

/** The fields of a form that was sent by POST. Rejects when there are more than 10,000 characters. */
export async function readForm(req: IncomingMessage): Promise<URLSearchParams> {
  let body = ''
  // The rest of a form that is too long is read and dropped: to stop reading would cut the connection, and the answer.
  for await (const chunk of req.setEncoding('utf8')) if (body.length <= limit) body += chunk
  if (body.length > limit) throw new RangeError(`the form has more than ${limit} characters`)
  return new URLSearchParams(body)
}
