import { createServer } from 'node:http'
import { contextOf } from '@scs/core'
import { serve } from '@scs-examples/serve'
import { isOwn } from './is-own.ts'
import { routes } from './routes.ts'
import { sessions } from './sessions.ts'

const server = createServer(
  sessions.loadAndSave((req, res) => {
    const route = routes.get(`${req.method} ${req.url}`)
    if (!route) res.writeHead(404).end('Not found\n')
    else if (!isOwn(req)) res.writeHead(403).end('This form is not of this site\n')
    else return route(contextOf(req), req, res)
  }),
)

await serve(server)
