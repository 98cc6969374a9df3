import { EventEmitter } from 'node:events'
import { contextOf, SessionManager } from '@scs/core'
import { loadAndSave } from '@scs/express'
import express from 'express'
import express4 from 'express4'
import { createMocks } from 'node-mocks-http'
import { describe, expect, it, vi } from 'vitest'
import { CaseStore } from '../stores.ts'

const stores = { 'answers at once': 0, 'takes 5 ms': 5 }
const applications = { 'Express 5': express, 'Express 4': express4 as unknown as typeof express }

function application(create: typeof express, manager: SessionManager) {
  const app = create()
  app.use(loadAndSave(manager))
  app.get('/put', (req, res) => {
    manager.put(contextOf(req), 'name', 'Ada')
    res.status(201).end('hello')
  })
  app.get('/get', (req, res) => {
    res.send(manager.getString(contextOf(req), 'name'))
  })
  return app
}

// The responses of node-mocks-http are no ServerResponses, though Express gives them the prototype of one.
async function ask(app: unknown, url: string, cookie = '', eventEmitter?: typeof EventEmitter) {
  const { req, res } = createMocks(
    { method: 'GET', url, headers: { cookie } },
    eventEmitter ? { eventEmitter } : {},
  )
  ;(app as (req: unknown, res: unknown) => void)(req, res)
  await vi.waitUntil(() => res._isEndCalled(), { interval: 1 })
  return res
}

for (const [name, create] of Object.entries(applications)) {
  for (const [when, ms] of Object.entries(stores)) {
    describe(`${name} with a store that ${when}`, () => {
      it.each([undefined, EventEmitter])('keeps a session over two requests', async (emitter) => {
        const store = new CaseStore(ms)
        const app = application(create, new SessionManager({ store }))
        const put = await ask(app, '/put', '', emitter)
        expect([put.statusCode, put._getData()]).toEqual([201, 'hello'])
        expect(store.size).toBe(1)
        const [cookie = ''] = [put.getHeader('Set-Cookie') ?? ''].flat().map(String)
        expect(cookie).toMatch(/^session=[\w-]{43};/)
        const got = await ask(app, '/get', cookie.split(';')[0], emitter)
        expect(got._getData()).toBe('Ada')
      })

      it('errorFunc answers a commit that fails', async () => {
        const store = new CaseStore(ms)
        store.fault = new Error('disk full')
        const errorFunc = (
          _req: unknown,
          res: { statusCode: number; end(text: string): unknown },
        ) => {
          res.statusCode = 503
          res.end('sorry')
        }
        const app = application(create, new SessionManager({ store, errorFunc }))
        const put = await ask(app, '/put')
        expect([put.statusCode, put._getData()]).toEqual([503, 'sorry'])
      })
    })
  }
}
