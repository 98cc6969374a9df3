import { createServer } from 'node:http'
import { contextOf, MemoryStore, SessionManager } from '@scs/core'
import { loadAndSave } from '@scs/koa'
import Koa from 'koa'
import { answer } from '../sessions.ts'
import { filling } from './fill.ts'
import type { Open } from './open.ts'

/** This project's sessions in Koa, with nothing configured but the store. */
export const openScsKoa: Open = async () => {
  const sessionManager = new SessionManager({ store: new MemoryStore() })
  const app = new Koa()
  app.use(loadAndSave(sessionManager))
  let visits = 0
  // As koa-session's server, which awaits at one path only.
  app.use(async (ctx) => {
    ctx.body = answer
    switch (ctx.path) {
      case '/untouched':
        break
      case '/read':
        ctx.body = sessionManager.getString(contextOf(ctx), 'name')
        break
      case '/visits':
        ctx.body = String(sessionManager.get(contextOf(ctx), 'visits'))
        break
      case '/write':
        sessionManager.put(contextOf(ctx), 'visits', visits++)
        break
      case '/visit':
        sessionManager.put(contextOf(ctx), 'name', answer)
        break
      case '/login':
        await sessionManager.renewToken(contextOf(ctx))
        sessionManager.put(contextOf(ctx), 'visits', visits++)
        break
      default:
        for (const [key, value] of Object.entries(filling(ctx.url))) {
          sessionManager.put(contextOf(ctx), key, value)
        }
    }
  })
  return createServer(app.callback())
}
