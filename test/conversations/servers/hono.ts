import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { contextOf } from '@scs/core'
import { loadAndSave } from '@scs/hono'
import { type Context, Hono } from 'hono'
import type { Exchange } from '../exchange.ts'
import type { Listener, Protocol, ServerKind } from '../server-kind.ts'
import { nodeExchange } from './node-exchange.ts'
import { toResponse } from './to-response.ts'

type Env = { Bindings: HttpBindings; Variables: { isRaw: boolean } }

const over = (name: string, protocol: Protocol): ServerKind => ({
  name,
  protocol,
  answersErrors: 'framework',
  lacks: {},
  listener(managers, handler) {
    const app = new Hono<Env>()
    for (const manager of managers) app.use(loadAndSave(manager))
    app.all('*', async (c) => {
      const response = await handler(honoExchange(c))
      return c.var.isRaw ? RESPONSE_ALREADY_SENT : (response as Response)
    })
    app.onError((error, c) => c.text(error.message, 500))
    return getRequestListener(app.fetch, {
      hostname: '127.0.0.1',
      overrideGlobalObjects: false,
    }) as Listener
  },
})

export const hono: ServerKind = over('Hono', 'http')
export const honoH2c: ServerKind = over('Hono, h2c', 'h2c')

function honoExchange(c: Context<Env>): Exchange {
  const { incoming, outgoing } = c.env
  return nodeExchange(incoming, outgoing, {
    ctx: contextOf(c),
    answer: toResponse,
    redirect: (location) => c.redirect(location),
    raw: () => {
      c.set('isRaw', true)
      return { req: incoming, res: outgoing }
    },
  })
}
