import type { ServerKind } from '../server-kind.ts'
import { connect, express4, express5 } from './express.ts'
import { fastify } from './fastify.ts'
import { fetchForm } from './fetch.ts'
import { hono } from './hono.ts'
import { koa } from './koa.ts'
import { h2, h2c, http } from './node.ts'

/** Every kind of server, in the order of the table's columns. */
export const servers: readonly ServerKind[] = [
  http,
  h2c,
  h2,
  express5,
  express4,
  connect,
  fastify,
  koa,
  hono,
  fetchForm,
]
