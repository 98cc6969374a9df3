import { contextOf } from '@scs/core'
import { loadAndSave } from '@scs/fastify'
import createApp, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Exchange, Reply } from '../exchange.ts'
import type { Protocol, ServerKind } from '../server-kind.ts'
import { nodeExchange } from './node-exchange.ts'

const over = (name: string, protocol: Protocol): ServerKind => ({
  name,
  protocol,
  answersErrors: 'framework',
  lacks: {},
  async listener(managers, handler) {
    // The two differ in the type of their requests, of which nothing is asked here but what both have.
    const app = protocol === 'http' ? createApp() : (createApp({ http2: true }) as never as App)
    for (const sessionManager of managers) await app.register(loadAndSave, { sessionManager })
    // Bodies are the cases' own to read.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, _payload, done) => done(null))
    app.all('/*', (request, reply) => handler(fastifyExchange(request, reply)))
    await app.ready()
    return (req, res) => app.routing(req, res)
  },
})

export const fastify: ServerKind = over('Fastify', 'http')
export const fastifyH2c: ServerKind = over('Fastify, h2c', 'h2c')

type App = FastifyInstance

function fastifyExchange(request: FastifyRequest, reply: FastifyReply): Exchange {
  const { raw } = request
  return nodeExchange(raw, reply.raw, {
    ctx: contextOf(request),
    answer: (answer) => send(reply, answer),
    redirect: (location) => reply.redirect(location),
    raw: () => {
      reply.hijack()
      return { req: raw, res: reply.raw }
    },
  })
}

function send(reply: FastifyReply, { status = 200, headers = {}, body }: Reply): FastifyReply {
  for (const [name, value] of Object.entries(headers)) reply.header(name, value)
  return reply.code(status).send(body)
}
