import { randomBytes } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import { type DatabaseName, openStore } from '../../growth/open-store.ts'
import type { ServerPlan } from '../contestants.ts'
import { answer, type SessionSize, valuesOf } from '../sessions.ts'
import { sizeOf } from './fill.ts'
import type { Open } from './open.ts'
import { openStatements } from './open-statements.ts'
import { cookieHeaders, plainHeaders } from './our-headers.ts'

const cookieStart = 'session='

/**
 * The floor of a database: our headers, and the statements that such a request needs, prepared and sent by the driver
 * alone. Rows are not decoded, and nothing is encoded: what is written is what was read.
 */
export const openRawDriver: Open = async (plan) => {
  if (plan.store !== 'redis') await createTable(plan)
  const { find, commit, replace } = await openStatements(plan)
  let tokens = 0
  // Redis has one database for all processes.
  const own = randomBytes(6).toString('hex')
  const newToken = () => `${own}${++tokens}`.padStart(43, 'x')

  const begin = (res: ServerResponse, data: Uint8Array) => {
    const token = newToken()
    after(commit(token, data, tomorrow()), () => answerWith(res, cookieHeaders(token)))
  }
  let writes = 0
  const write = (res: ServerResponse, from: string, to: string, data: Uint8Array) => {
    const next = { token: to, data, expiry: tomorrow() }
    after(replace(from, data, next, new Date()), (isDone) => {
      if (!isDone) throw new Error('the row has changed, or is gone')
      writes++
      answerWith(res, cookieHeaders(to))
    })
  }
  return createServer((req, res) => {
    const token = req.headers.cookie?.slice(cookieStart.length)
    if (token === undefined) {
      if (req.url === '/untouched') answerWith(res, plainHeaders)
      else begin(res, req.url === '/visit' ? visitor : dataOf(sizeOf(req.url)))
      return
    }
    after(find(token, new Date()), (data) => {
      if (!data) throw new Error('the row is gone')
      if (req.url === '/write') write(res, token, token, data)
      else if (req.url === '/login') write(res, token, newToken(), data)
      else if (req.url === '/visits') res.end(String(writes))
      else answerWith(res, plainHeaders)
    })
  })
}

// It is the one that the store makes, over a pool that is closed again.
async function createTable({ store, address }: ServerPlan): Promise<void> {
  await using _ = await openStore(store as DatabaseName, address)
}

const visitor = Buffer.from(JSON.stringify({ deadline: Date.now(), values: { name: answer } }))

function dataOf(size: SessionSize): Uint8Array {
  return Buffer.from(JSON.stringify({ deadline: Date.now(), values: valuesOf(size) }))
}

function tomorrow(): Date {
  return new Date(Date.now() + 86_400_000)
}

function answerWith(res: ServerResponse, headers: typeof plainHeaders): void {
  for (const [name, value] of headers) res.setHeader(name, value)
  res.end(answer)
}

// At once where the driver answers at once.
function after<T>(value: T | Promise<T>, next: (value: T) => void): void {
  if (value instanceof Promise) value.then(next)
  else next(value)
}
