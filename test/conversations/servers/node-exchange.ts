import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { contextOf } from '@scs/core'
import type { Exchange, Reply } from '../exchange.ts'

/** An exchange over Node's own request and response; `own` replaces what a framework does in a manner of its own. */
export function nodeExchange(
  req: IncomingMessage,
  res: ServerResponse,
  own: Partial<Exchange> = {},
): Exchange {
  const { pathname, searchParams } = new URL(req.url ?? '', 'http://localhost')
  return {
    ctx: contextOf(req),
    method: req.method ?? '',
    path: pathname,
    query: searchParams,
    headers: req.headers,
    answer: (reply) => answer(res, reply),
    redirect: (location) => {
      res.writeHead(302, { Location: location })
      res.end()
    },
    raw: () => ({ req, res }),
    ...own,
  }
}

function answer(res: ServerResponse, { status = 200, headers = {}, body }: Reply): void {
  res.statusCode = status
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  if (body instanceof Readable) body.pipe(res)
  else res.end(body)
}
