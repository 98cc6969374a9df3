import { createServer, type ServerResponse } from 'node:http'
import { answer, type SessionSize, valuesOf } from '../sessions.ts'
import { openDrizzleStore } from './drizzle.ts'
import { sizeOf } from './fill.ts'
import type { Open } from './open.ts'
import { cookieHeaders, plainHeaders } from './our-headers.ts'
import { openStatements } from './raw-statements.ts'

const cookieStart = 'session='

/**
 * The floor of a database: our headers, and the statements that such a request needs, prepared and sent by the driver
 * alone. Rows are not decoded, nothing is encoded or compared.
 */
export const openRawDriver: Open = async (plan) => {
  // The table is the one that the store makes.
  if (plan.store !== 'redis') await (await openDrizzleStore(plan)).stopCleanup()
  const { find, commit, rename } = await openStatements(plan)
  let tokens = 0
  const newToken = () => String(++tokens).padStart(43, 'x')

  const write = (res: ServerResponse, token: string, bytes: Uint8Array) =>
    after(commit(token, bytes, tomorrow()), () => answerWith(res, cookieHeaders(token)))
  return createServer((req, res) => {
    const token = req.headers.cookie?.slice(cookieStart.length)
    if (token === undefined) {
      if (req.url === '/untouched') answerWith(res, plainHeaders)
      else if (req.url === '/visit') write(res, newToken(), visitor)
      else write(res, newToken(), dataOf(sizeOf(req.url)))
      return
    }
    after(find(token, new Date()), (data) => {
      if (!data) throw new Error('the row is gone')
      if (req.url === '/write') write(res, token, data)
      else if (req.url === '/login') {
        const next = newToken()
        after(rename(token, next, data, tomorrow()), () => answerWith(res, cookieHeaders(next)))
      } else answerWith(res, plainHeaders)
    })
  })
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
