import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import SQLite from 'better-sqlite3'
import openSqliteStore from 'better-sqlite3-session-store'
import connectPgSimple from 'connect-pg-simple'
import { RedisStore } from 'connect-redis'
import openMysqlStore from 'express-mysql-session'
import session from 'express-session'
import pg from 'pg'
import { createClient } from 'redis'
import type { ServerPlan } from '../contestants.ts'
import { answer } from '../sessions.ts'
import { filling } from './fill.ts'
import type { Open } from './open.ts'

type Middleware = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void
type WithSession = IncomingMessage & { session: session.Session & Record<string, unknown> }

/** express-session as its documentation recommends it, on node:http: what Express itself takes is not its doing. */
export const openExpressSession: Open = async (plan) => {
  const middleware = session({
    ...(await storeOf(plan)),
    secret: 'bench',
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 86_400_000 },
  }) as unknown as Middleware
  let visits = 0
  const serve = (req: WithSession, res: ServerResponse): void => {
    switch (req.url) {
      case '/untouched':
        res.end(answer)
        return
      case '/read':
        res.end(req.session.name)
        return
      case '/visits':
        res.end(String(req.session.visits))
        return
      case '/write':
        req.session.visits = visits++
        res.end(answer)
        return
      case '/visit':
        req.session.name = answer
        res.end(answer)
        return
      case '/login': {
        // A new session: what is to be kept has to be copied.
        const { cookie: _, ...kept } = req.session
        req.session.regenerate((error) => {
          if (error) throw error
          Object.assign(req.session, kept, { visits: visits++ })
          res.end(answer)
        })
        return
      }
      default:
        Object.assign(req.session, filling(req.url))
        res.end(answer)
    }
  }
  return createServer((req, res) => {
    middleware(req, res, (error) => {
      if (error) throw error
      serve(req as WithSession, res)
    })
  })
}

async function storeOf({
  program,
  store,
  address,
}: ServerPlan): Promise<{ store?: session.Store }> {
  // By default the row of a session that was only read gets a new expiry, by a second statement.
  const disableTouch = program === 'express-session-untouched'
  switch (store) {
    case 'memory':
      // The one that it has by default, and warns of.
      return {}
    case 'postgres': {
      const PgStore = connectPgSimple(session)
      const pool = new pg.Pool({ connectionString: address })
      return { store: new PgStore({ pool, createTableIfMissing: true, disableTouch }) }
    }
    case 'redis':
      return { store: new RedisStore({ client: await createClient({ url: address }).connect() }) }
    case 'sqlite': {
      const SqliteStore = openSqliteStore(session)
      return { store: new SqliteStore({ client: new SQLite(address) }) }
    }
    case 'mariadb': {
      const MysqlStore = openMysqlStore(session as never)
      const { hostname, port, username, password, pathname } = new URL(address)
      return {
        store: new MysqlStore({
          host: hostname,
          port: Number(port),
          user: decodeURIComponent(username),
          password: decodeURIComponent(password),
          database: pathname.slice(1),
          connectionLimit: 10,
          disableTouch,
        }),
      }
    }
    default:
      throw new Error(`express-session is not measured on ${store}`)
  }
}
