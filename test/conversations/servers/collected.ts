import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { Listener, ServerKind } from '../server-kind.ts'

/** A request, as it is handed to something that has no connection to the client. */
export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** A whole response, as it is handed back. */
export interface Collected {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: Buffer
}

/** Serves over `node:http` what `invoke` answers. */
export function toListener(invoke: (asked: Asked) => Promise<Collected>): Listener {
  return async (req: IncomingMessage, res: ServerResponse) => {
    const { method = 'GET', url = '/' } = req
    const headers = Object.fromEntries(
      Object.entries(req.headers).map(([name, value = '']) => [name, [value].flat().join(', ')]),
    )
    const collected = await invoke({ method, url, headers, body: await buffer(req) })
    res.statusCode = collected.status
    for (const [name, value] of Object.entries(collected.headers)) {
      // The body comes in one piece, whatever the application has said.
      if (/^(?:connection|transfer-encoding|content-length|date|trailer)$/i.test(name)) continue
      res.setHeader(name, typeof value === 'string' ? value : [...value])
    }
    res.end(collected.body)
  }
}

/** What a response that is collected in memory cannot do. */
export const ofCollected: ServerKind['lacks'] = {
  raw: 'its response is collected in memory: encodings, callbacks, chained calls and messages are as its author made them',
  connection: 'has no connection to its client: the response is collected in memory',
  'http/1': 'has no connection to its client: the response is collected in memory',
}
