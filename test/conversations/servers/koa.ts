import { contextOf } from '@scs/core'
import { loadAndSave } from '@scs/koa'
import App, { type Context } from 'koa'
import type { Exchange, Reply } from '../exchange.ts'
import type { Protocol, ServerKind } from '../server-kind.ts'
import { nodeExchange } from './node-exchange.ts'

const over = (name: string, protocol: Protocol): ServerKind => ({
  name,
  protocol,
  answersErrors: 'framework',
  lacks: {},
  listener(managers, handler) {
    const app = new App()
    app.silent = true
    for (const manager of managers) app.use(loadAndSave(manager))
    app.use(async (ctx) => {
      await handler(koaExchange(ctx))
    })
    return app.callback()
  },
})

export const koa: ServerKind = over('Koa', 'http')
export const koaH2c: ServerKind = over('Koa, h2c', 'h2c')

function koaExchange(ctx: Context): Exchange {
  const { req, res } = ctx
  return nodeExchange(req, res, {
    ctx: contextOf(ctx),
    answer: (reply) => answer(ctx, reply),
    redirect: (location) => ctx.redirect(location),
    raw: () => {
      ctx.respond = false
      // Koa begins with 404.
      res.statusCode = 200
      return { req, res }
    },
  })
}

function answer(ctx: Context, { status = 200, headers = {}, body }: Reply): void {
  ctx.body = body ?? null
  ctx.status = status
  for (const [name, value] of Object.entries(headers)) ctx.set(name, value as string | string[])
}
