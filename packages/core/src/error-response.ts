import type { ServerResponse } from 'node:http'

/** A plain 500, as SCS's default ErrorFunc. */
export function answerWithInternalServerError(res: ServerResponse): void {
  res.statusCode = 500
  res.setHeader('Content-Type', 'text/plain; charset=utf-8')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.end('Internal Server Error\n')
}
