import inject from 'light-my-request'
import supertest from 'supertest'
import type { ServerKind } from '../server-kind.ts'
import { ofCollected, toListener } from './collected.ts'
import { express5 } from './express.ts'
import { http } from './node.ts'

/** What tests of applications use: no socket at all. */
export const lightMyRequest: ServerKind = {
  name: 'light-my-request, http',
  protocol: 'http',
  answersErrors: http.answersErrors,
  lacks: ofCollected,
  async listener(managers, handler) {
    const app = await http.listener(managers, handler)
    return toListener(async ({ method, url, headers, body }) => {
      const response = await inject(app as never, {
        method: method as never,
        url,
        headers: { ...headers },
        payload: body,
      })
      const { statusCode: status, rawPayload } = response
      return { status, headers: response.headers as Record<string, string>, body: rawPayload }
    })
  },
}

/** What tests of applications use: a server for each request. */
export const superTest: ServerKind = {
  name: 'supertest, Express 5',
  protocol: 'http',
  answersErrors: express5.answersErrors,
  lacks: ofCollected,
  async listener(managers, handler) {
    const app = await express5.listener(managers, handler)
    return toListener(async ({ method, url, headers, body }) => {
      const { host: _, ...others } = headers
      const test = supertest(app as never)
        [method.toLowerCase() as 'get'](url)
        .set(others)
        .redirects(0)
        .buffer(true)
        .parse((res, done) => {
          const chunks: Buffer[] = []
          res.on('data', (chunk: Buffer) => chunks.push(chunk))
          res.on('end', () => done(null, Buffer.concat(chunks)))
        })
      const response = await (body.length > 0 ? test.send(body as never) : test)
      return {
        status: response.status,
        headers: response.headers as unknown as Record<string, string>,
        body: Buffer.isBuffer(response.body) ? response.body : Buffer.from(''),
      }
    })
  },
}
