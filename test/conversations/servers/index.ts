import { ofThisPart } from '../../part.ts'
import type { ServerKind } from '../server-kind.ts'
import { connect, express4, express5 } from './express.ts'
import { fastify, fastifyH2c } from './fastify.ts'
import { fetchForm, fetchFormH2c } from './fetch.ts'
import { hono, honoH2c } from './hono.ts'
import { lightMyRequest, superTest } from './injected.ts'
import { koa, koaH2c } from './koa.ts'
import { lambdas } from './lambda.ts'
import { h2, h2c, http } from './node.ts'

/** Every kind of server, in the order of the table's columns. */
const all: readonly ServerKind[] = [
  http,
  h2c,
  h2,
  express5,
  express4,
  connect,
  fastify,
  fastifyH2c,
  koa,
  koaH2c,
  hono,
  honoH2c,
  fetchForm,
  fetchFormH2c,
  ...lambdas,
  lightMyRequest,
  superTest,
]

/** Those of this part of the tests. */
export const servers = ofThisPart(all, [http, h2c, express5, fastify, ...lambdas])
