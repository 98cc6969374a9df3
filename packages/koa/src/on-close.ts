import type { ServerResponse } from 'node:http'
import { Http2ServerResponse } from 'node:http2'

/** Calls `listener` when the response is through or its client has gone; soon, when that is so already. */
export function onClose(res: ServerResponse | Http2ServerResponse, listener: () => void): void {
  const isClosed = res instanceof Http2ServerResponse ? res.stream.destroyed : res.closed
  if (isClosed) setImmediate(listener)
  else res.once('close', listener)
}
