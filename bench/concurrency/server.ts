// A server process. Its plan is its argument; it tells its parent the port, and ends with it.
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Barrier } from './barrier.ts'
import type { ServerPlan } from './contestants.ts'
import { openExpressSession } from './express-session.ts'
import { openScs } from './scs.ts'
import type { Handler } from './sessions.ts'

const plan = JSON.parse(process.argv[2] ?? '') as ServerPlan
const library = await (plan.peer === 'scs' ? openScs(plan) : openExpressSession(plan))
const barrier = new Barrier()

const handle: Handler = async (session, req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '', 'http://localhost')
  const key = searchParams.get('key') ?? ''
  switch (pathname.replace('/idle', '')) {
    case '/login':
      session.put('user', 'someone')
      break
    case '/logout':
      await session.destroy()
      break
    case '/read':
      await barrier.arrive()
      break
    case '/put':
      await barrier.arrive()
      session.put(key, 1)
      break
    case '/add':
      await barrier.arrive()
      session.add(key)
      break
    case '/set':
      session.put('value', key)
      break
  }
  const user = session.get('user')
  const counted = session.get('counter')
  res.end(JSON.stringify({ user, counted, keys: session.keys().length }))
}

const withSession = library.listener(handle, false)
const withIdleSession = library.listener(handle, true)

// What the bench itself asks, past all sessions.
const control: RequestListener = async (req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '', 'http://localhost')
  if (pathname === '/control/arrived') await barrier.arrived(Number(searchParams.get('count')))
  if (pathname === '/control/release') barrier.release()
  const { user, system } = process.cpuUsage()
  res.end(JSON.stringify({ cpu: user + system }))
}

const server = createServer((req, res) => {
  if (req.url?.startsWith('/control/')) control(req, res)
  else if (req.url?.startsWith('/idle/')) withIdleSession(req, res)
  else withSession(req, res)
})
// A connection that the server closes just when a request comes would be a failure of the bench.
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())
