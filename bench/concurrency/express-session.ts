import type { IncomingMessage, ServerResponse } from 'node:http'
import connectPgSimple from 'connect-pg-simple'
import session from 'express-session'
import pg from 'pg'
import type { ServerPlan } from './contestants.ts'
import type { Library, Session } from './sessions.ts'

type Middleware = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void
// After `destroy` there is none.
type WithSession = IncomingMessage & { session?: session.Session & Record<string, unknown> }

/** express-session with connect-pg-simple, with the settings that its own documentation recommends. */
export async function openExpressSession({ address }: ServerPlan): Promise<Library> {
  const PgStore = connectPgSimple(session)
  const store = new PgStore({
    pool: new pg.Pool({ connectionString: address }),
    createTableIfMissing: true,
    pruneSessionInterval: false,
  })
  return {
    listener(handler, idle) {
      const middleware = session({
        store,
        secret: 'bench',
        resave: false,
        saveUninitialized: false,
        rolling: idle,
        cookie: { maxAge: 3_600_000 },
      }) as unknown as Middleware
      return (req, res) => {
        middleware(req, res, (error) => {
          if (error) res.writeHead(500).end()
          else handler(sessionOf(req as WithSession), req, res)
        })
      }
    },
  }
}

function sessionOf(req: WithSession): Session {
  return {
    get: (key) => req.session?.[key],
    put: (key, value) => {
      Object.assign(req.session ?? {}, { [key]: value })
    },
    add: (key) => {
      Object.assign(req.session ?? {}, { [key]: Number(req.session?.[key] ?? 0) + 1 })
    },
    keys: () => Object.keys(req.session ?? {}).filter((key) => key !== 'cookie'),
    destroy: () =>
      new Promise((resolve, reject) => {
        req.session?.destroy((error: unknown) => (error ? reject(error) : resolve()))
      }),
  }
}
