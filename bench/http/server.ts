// A server process. Its plan is its argument; it tells its parent the port, then at each message the CPU that it has taken,
// and ends with its parent.
import type { AddressInfo } from 'node:net'
import type { Program, ServerPlan } from './contestants.ts'
import type { Open } from './servers/open.ts'

const programs: Readonly<Record<Program, () => Promise<Open>>> = {
  'node-http': async () => (await import('./servers/node-http.ts')).openNodeHttp,
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
process.on('message', () => {
  // User and system, of all threads: the collector's and the compiler's work is the server's.
  const { user, system } = process.cpuUsage()
  process.send?.(user + system)
})
process.on('disconnect', () => process.exit())
