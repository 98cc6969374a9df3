// A server process. Its plan is its argument; it tells its parent the port, then what it is asked for, and ends with its parent.
import type { AddressInfo } from 'node:net'
import type { Program, ServerPlan } from './contestants.ts'
import { startProfile, stopProfile } from './profiler.ts'
import type { Question } from './server-process.ts'
import type { Open } from './servers/open.ts'

const programs: Readonly<Record<Program, () => Promise<Open>>> = {
  'node-http': async () => (await import('./servers/node-http.ts')).openNodeHttp,
  'node-http-json': async () => (await import('./servers/node-http-json.ts')).openNodeHttpJson,
  'raw-driver': async () => (await import('./servers/raw-driver.ts')).openRawDriver,
  scs: async () => (await import('./servers/scs.ts')).openScs,
  'scs-fastify': async () => (await import('./servers/scs-fastify.ts')).openScsFastify,
  'scs-koa': async () => (await import('./servers/scs-koa.ts')).openScsKoa,
  'express-session': async () => (await import('./servers/express-session.ts')).openExpressSession,
  'express-session-untouched': async () =>
    (await import('./servers/express-session.ts')).openExpressSession,
  fastify: async () => (await import('./servers/fastify.ts')).openFastify,
  'fastify-session': async () => (await import('./servers/fastify.ts')).openFastifySession,
  koa: async () => (await import('./servers/koa.ts')).openKoa,
  'koa-session': async () => (await import('./servers/koa.ts')).openKoaSession,
  'iron-session': async () => (await import('./servers/iron-session.ts')).openIronSession,
}

const plan = JSON.parse(process.argv[2] ?? '') as ServerPlan
const open = await programs[plan.program]()
const server = await open(plan)
// A connection that the server closes just when a request comes would be a failure of the bench.
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
const answers: Readonly<Record<Question, () => unknown>> = {
  // User and system, of all threads: the collector's and the compiler's work is the server's.
  cpu() {
    const { user, system } = process.cpuUsage()
    return user + system
  },
  startProfile,
  stopProfile,
}
process.on('message', async (question: Question) => {
  process.send?.((await answers[question]()) ?? 'done')
})
process.on('disconnect', () => process.exit())
