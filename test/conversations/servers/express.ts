import { Readable } from 'node:stream'
import { loadAndSave } from '@scs/express'
import connectApp from 'connect'
import express5App, { type Request, type Response } from 'express'
import express4App from 'express4'
import type { Exchange, Reply } from '../exchange.ts'
import type { Listener, ServerKind } from '../server-kind.ts'
import { nodeExchange } from './node-exchange.ts'

const express = (name: string, create: typeof express5App): ServerKind => ({
  name,
  protocol: 'http',
  answersErrors: 'framework',
  lacks: {},
  listener(managers, handler) {
    const app = create()
    for (const manager of managers) app.use(loadAndSave(manager))
    // Express 4 leaves rejections alone: its handlers hand them on themselves.
    app.use(async (req, res, next) => {
      try {
        await handler(expressExchange(req, res))
      } catch (error) {
        next(error)
      }
    })
    return app as Listener
  },
})

export const express5: ServerKind = express('Express 5', express5App)

export const express4: ServerKind = express('Express 4', express4App as never)

export const connect: ServerKind = {
  name: 'Connect',
  protocol: 'http',
  answersErrors: 'framework',
  lacks: {},
  listener(managers, handler) {
    const app = connectApp()
    for (const manager of managers) app.use(loadAndSave(manager))
    app.use(async (req, res, next) => {
      try {
        await handler(nodeExchange(req, res))
      } catch (error) {
        next(error)
      }
    })
    return app
  },
}

function expressExchange(req: Request, res: Response): Exchange {
  return nodeExchange(req, res, {
    answer: (reply) => answer(res, reply),
    redirect: (location) => res.redirect(location),
  })
}

function answer(res: Response, { status = 200, headers = {}, body }: Reply): void {
  res.status(status)
  for (const [name, value] of Object.entries(headers)) res.set(name, value as string | string[])
  if (body instanceof Readable) body.pipe(res)
  else res.send(body)
}
