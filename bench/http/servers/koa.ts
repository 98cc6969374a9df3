import { createServer } from 'node:http'
import Koa, { type Context } from 'koa'
import { createSession } from 'koa-session'
import { answer } from '../sessions.ts'
import { filling } from './fill.ts'
import type { Open } from './open.ts'
import { headersFor } from './our-headers.ts'

/** Koa without sessions: the floor of the one that has them. */
export const openKoa: Open = async () => {
  const app = new Koa()
  app.use((ctx) => {
    for (const [name, value] of headersFor(ctx.url)) ctx.set(name, value)
    ctx.body = answer
  })
  return createServer(app.callback())
}

/** koa-session with a Map as its store; by itself it keeps the session in the cookie. */
export const openKoaSession: Open = async () => {
  const app = new Koa()
  app.keys = ['bench']
  app.use(createSession({ store: mapStore() }, app))
  let visits = 0
  app.use(async (ctx: Context) => {
    const session = ctx.session as Record<string, unknown> & { regenerate(): Promise<void> }
    ctx.body = answer
    switch (ctx.path) {
      case '/untouched':
        break
      case '/read':
        ctx.body = session.name
        break
      case '/visits':
        ctx.body = String(session.visits)
        break
      case '/write':
        session.visits = visits++
        break
      case '/visit':
        session.name = answer
        break
      case '/login':
        await session.regenerate()
        session.visits = visits++
        break
      default:
        Object.assign(session, filling(ctx.url))
    }
  })
  return createServer(app.callback())
}

function mapStore() {
  const rows = new Map<string, string>()
  return {
    async get(key: string) {
      const row = rows.get(key)
      return row === undefined ? undefined : JSON.parse(row)
    },
    async set(key: string, session: unknown) {
      rows.set(key, JSON.stringify(session))
    },
    async destroy(key: string) {
      rows.delete(key)
    },
  }
}
