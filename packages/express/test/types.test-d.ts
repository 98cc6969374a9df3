import { createServer } from 'node:http'
import { type Context, contextOf, SessionManager } from '@scs/core'
import connect, { type NextHandleFunction } from 'connect'
import express, { type RequestHandler } from 'express'
import express4, { type RequestHandler as RequestHandler4 } from 'express4'
import { describe, expectTypeOf, it } from 'vitest'
import { loadAndSave, type SessionMiddleware } from '../src/index.ts'

const sessionManager = new SessionManager<{ userID: number }>()

describe('loadAndSave', () => {
  it('gives a handler of Express 5, of Express 4 and of Connect', () => {
    expectTypeOf(loadAndSave(sessionManager)).toEqualTypeOf<SessionMiddleware>()
    expectTypeOf<SessionMiddleware>().toExtend<RequestHandler>()
    expectTypeOf<SessionMiddleware>().toExtend<RequestHandler4>()
    expectTypeOf<SessionMiddleware>().toExtend<NextHandleFunction>()
  })

  it('is used as middleware of Express 5', () => {
    const app = express()
    app.use(loadAndSave(sessionManager))
    app.use('/api', loadAndSave(sessionManager))
    express.Router().use(loadAndSave(sessionManager))
    app.get('/', loadAndSave(sessionManager), (req, res) => {
      expectTypeOf(contextOf(req)).toEqualTypeOf<Context>()
      expectTypeOf(sessionManager.get(contextOf(req), 'userID')).toEqualTypeOf<number | undefined>()
      // What comes after it keeps the types of Express.
      expectTypeOf(req.params).toExtend<Record<string, unknown>>()
      res.json({})
    })
    createServer(app)
  })

  it('is used as middleware of Express 4', () => {
    const app = express4()
    app.use(loadAndSave(sessionManager))
    app.use('/api', loadAndSave(sessionManager))
    express4.Router().use(loadAndSave(sessionManager))
    app.get('/', loadAndSave(sessionManager), (req, res) => {
      expectTypeOf(contextOf(req)).toEqualTypeOf<Context>()
      res.json({})
    })
    createServer(app)
  })

  it('is used as middleware of Connect', () => {
    const app = connect()
    app.use(loadAndSave(sessionManager))
    app.use('/api', loadAndSave(sessionManager))
    createServer(app)
  })

  it('takes a session manager, and nothing less', () => {
    loadAndSave(new SessionManager())
    // @ts-expect-error without a manager
    loadAndSave()
    // @ts-expect-error options are the manager's
    loadAndSave({ lifetime: 1 })
  })
})
