import { createServer } from 'node:http'
import { contextOf, MemoryStore, SessionManager, type SessionStore } from '@scs/core'
import { RedisStore } from '@scs/redis-store'
import { createClient } from 'redis'
import type { ServerPlan } from '../contestants.ts'
import { answer } from '../sessions.ts'
import { openDrizzleStore } from './drizzle.ts'
import { filling } from './fill.ts'
import type { Open } from './open.ts'

/** This project's sessions, with nothing configured but the store. */
export const openScs: Open = async (plan) => {
  const sessionManager = new SessionManager({ store: await openStore(plan) })
  let visits = 0
  return createServer(
    sessionManager.loadAndSave((req, res) => {
      const ctx = contextOf(req)
      switch (req.url) {
        case '/untouched':
          res.end(answer)
          return
        case '/read':
          res.end(sessionManager.getString(ctx, 'name'))
          return
        case '/visits':
          res.end(String(sessionManager.get(ctx, 'visits')))
          return
        case '/write':
          sessionManager.put(ctx, 'visits', visits++)
          res.end(answer)
          return
        case '/visit':
          sessionManager.put(ctx, 'name', answer)
          res.end(answer)
          return
        case '/login':
          return sessionManager.renewToken(ctx).then(() => {
            sessionManager.put(ctx, 'visits', visits++)
            res.end(answer)
          })
        default:
          for (const [key, value] of Object.entries(filling(req.url))) {
            sessionManager.put(ctx, key, value)
          }
          res.end(answer)
      }
    }),
  )
}

async function openStore(plan: ServerPlan): Promise<SessionStore> {
  switch (plan.store) {
    case 'memory':
      return new MemoryStore()
    case 'redis':
      return new RedisStore(await createClient({ url: plan.address }).connect())
    default:
      return openDrizzleStore(plan)
  }
}
