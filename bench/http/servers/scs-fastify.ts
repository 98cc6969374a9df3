import { contextOf, MemoryStore, SessionManager } from '@scs/core'
import { loadAndSave } from '@scs/fastify'
import fastify from 'fastify'
import { answer } from '../sessions.ts'
import { filling } from './fill.ts'
import type { Open } from './open.ts'

/** This project's sessions in Fastify, with nothing configured but the store. */
export const openScsFastify: Open = async () => {
  const sessionManager = new SessionManager({ store: new MemoryStore() })
  const app = fastify()
  await app.register(loadAndSave, { sessionManager })
  let visits = 0
  app.get('/untouched', (_req, reply) => {
    reply.send(answer)
  })
  app.get('/read', (req, reply) => {
    reply.send(sessionManager.getString(contextOf(req), 'name'))
  })
  app.get('/visits', (req, reply) => {
    reply.send(String(sessionManager.get(contextOf(req), 'visits')))
  })
  app.get('/write', (req, reply) => {
    sessionManager.put(contextOf(req), 'visits', visits++)
    reply.send(answer)
  })
  app.get('/visit', (req, reply) => {
    sessionManager.put(contextOf(req), 'name', answer)
    reply.send(answer)
  })
  app.get('/login', async (req, reply) => {
    await sessionManager.renewToken(contextOf(req))
    sessionManager.put(contextOf(req), 'visits', visits++)
    return reply.send(answer)
  })
  app.get('/fill', (req, reply) => {
    for (const [key, value] of Object.entries(filling(req.url))) {
      sessionManager.put(contextOf(req), key, value)
    }
    reply.send(answer)
  })
  await app.ready()
  return app.server
}
