import { createServer } from 'node:http'
import { answer } from '../sessions.ts'
import type { Open } from './open.ts'
import { headersFor } from './our-headers.ts'

/** The floor: the headers of our responses, and no session. */
export const openNodeHttp: Open = async () =>
  createServer((req, res) => {
    for (const [name, value] of headersFor(req.url)) res.setHeader(name, value)
    res.end(answer)
  })
