import { createServer } from 'node:http'
import { answer, valuesOf } from '../sessions.ts'
import { sizeOf } from './fill.ts'
import type { Open } from './open.ts'
import { cookieHeaders, headersFor } from './our-headers.ts'

const cookieStart = 'session='

/** The floor of the codec: the same headers and bytes, read by JSON.parse and written by JSON.stringify, without a check. */
export const openNodeHttpJson: Open = async () => {
  const rows = new Map<string, Uint8Array>()
  let visits = 0
  return createServer((req, res) => {
    const token = req.headers.cookie?.slice(cookieStart.length)
    let headers = headersFor(req.url)
    if (token === undefined) {
      const next = String(rows.size).padStart(43, 'x')
      rows.set(next, bytesOf(valuesOf(sizeOf(req.url))))
      headers = cookieHeaders(next)
    } else {
      const { values } = JSON.parse(String(rows.get(token)))
      if (req.url === '/visits') return res.end(String(values.visits))
      if (req.url === '/write') {
        rows.set(token, bytesOf({ ...values, visits: visits++ }))
        headers = cookieHeaders(token)
      }
    }
    for (const [name, value] of headers) res.setHeader(name, value)
    return res.end(answer)
  })
}

function bytesOf(values: object): Uint8Array {
  return Buffer.from(JSON.stringify({ deadline: Date.now(), values }))
}
