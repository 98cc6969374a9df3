import type { ServerResponse } from 'node:http'
import { Http2ServerResponse } from 'node:http2'
import { isEnded } from '@scs/core'

/**
 * Makes `destroy` wait until a response over HTTP/2 that was ended has been sent.
 * `@hono/node-server` destroys the response to a request whose body nobody has read some turns
 * after its end: too early for one that is held for a commit.
 */
export function destroyWhenFinished(res: ServerResponse | Http2ServerResponse): void {
  if (!(res instanceof Http2ServerResponse)) return
  const { stream } = res
  const destroy = res.destroy.bind(res)
  res.destroy = (error?: Error) => {
    if (error || !isEnded(res) || stream.writableFinished) destroy(error)
    else stream.once('finish', destroy)
    return res
  }
}
