import { getRequestListener } from '@hono/node-server'
import { contextOf } from '@scs/core'
import { loadAndSaveFetch } from '@scs/fetch'
import { type Exchange, failure } from '../exchange.ts'
import type { Listener, Protocol, ServerKind } from '../server-kind.ts'
import { redirectTo, toResponse } from './to-response.ts'

const reason = 'has no response but the one it gives back'

type FetchHandler = (request: Request) => Promise<Response>

const over = (name: string, protocol: Protocol): ServerKind => ({
  name,
  protocol,
  answersErrors: 'errorFunc',
  lacks: { raw: reason, response: reason },
  listener(managers, handler) {
    const errorResponse = (_request: Request, error: unknown) =>
      new Response(failure(error), { status: 500 })
    const served = managers.reduceRight<FetchHandler>(
      (next, manager) => loadAndSaveFetch(manager, next, { errorResponse }),
      async (request) => (await handler(fetchExchange(request))) as Response,
    )
    return getRequestListener(served, {
      hostname: '127.0.0.1',
      overrideGlobalObjects: false,
    }) as Listener
  },
})

/** `(request) => Response`, as other runtimes take it; here through the bridge that Hono has for Node. */
export const fetchForm: ServerKind = over('fetch', 'http')
export const fetchFormH2c: ServerKind = over('fetch, h2c', 'h2c')

function fetchExchange(request: Request): Exchange {
  const { pathname, searchParams } = new URL(request.url)
  return {
    ctx: contextOf(request),
    method: request.method,
    path: pathname,
    query: searchParams,
    headers: Object.fromEntries(request.headers),
    answer: toResponse,
    redirect: redirectTo,
    raw: () => {
      throw new Error(`the fetch form ${reason}`)
    },
  }
}
