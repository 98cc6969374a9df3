import type { SessionManagerOptions } from '../../src/index.ts'

type ErrorFunc = NonNullable<SessionManagerOptions['errorFunc']>

/** The `errorFunc` of a manager's config; '' is the default one of the package. */
export const errorFuncs: Readonly<Record<string, ErrorFunc>> = {
  custom(_req, res, error) {
    const message = messageOf(error)
    // As Go sends it: the bytes of UTF-8, a line break as a space.
    const line = Buffer.from(message.replace(/[\r\n]/g, ' ')).toString('latin1')
    res.setHeader('X-Error-Func', line)
    res.writeHead(503)
    res.end(`custom: ${message}`)
  },
  silent() {},
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
