import cookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import fastify, { type FastifyRequest } from 'fastify'
import { answer } from '../sessions.ts'
import { filling } from './fill.ts'
import type { Open } from './open.ts'
import { headersFor } from './our-headers.ts'

type Session = FastifyRequest['session'] & Record<string, unknown>

/** Fastify without sessions: the floor of the one that has them. */
export const openFastify: Open = async () => {
  const app = fastify()
  app.get('*', (req, reply) => {
    for (const [name, value] of headersFor(req.url)) reply.header(name, value)
    reply.send(answer)
  })
  await app.ready()
  return app.server
}

/** @fastify/session with its memory store, as its documentation recommends it. */
export const openFastifySession: Open = async () => {
  const app = fastify()
  await app.register(cookie)
  await app.register(fastifySession, {
    secret: 'a secret of thirty-two characters at least',
    saveUninitialized: false,
    // As the others: what was only read is not written.
    rolling: false,
    cookie: { secure: false, maxAge: 86_400_000 },
  })
  let visits = 0
  const sessionOf = (req: FastifyRequest) => req.session as Session
  app.get('/untouched', (_req, reply) => {
    reply.send(answer)
  })
  app.get('/read', (req, reply) => {
    reply.send(sessionOf(req).name)
  })
  app.get('/visits', (req, reply) => {
    reply.send(String(sessionOf(req).visits))
  })
  app.get('/write', (req, reply) => {
    sessionOf(req).visits = visits++
    reply.send(answer)
  })
  app.get('/visit', (req, reply) => {
    sessionOf(req).name = answer
    reply.send(answer)
  })
  app.get('/login', async (req, reply) => {
    await req.session.regenerate(['name', 'authenticated', 'flash'] as never)
    sessionOf(req).visits = visits++
    return reply.send(answer)
  })
  app.get('/fill', (req, reply) => {
    Object.assign(req.session, filling(req.url))
    reply.send(answer)
  })
  await app.ready()
  return app.server
}
