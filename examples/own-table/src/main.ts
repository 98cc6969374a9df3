import { createServer } from 'node:http'
import { contextOf, SessionManager } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { serve } from '@scs-examples/serve'
import Database from 'better-sqlite3'
import { and, eq, gt } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { userSessions } from './schema.ts'

const db = drizzle({ client: new Database('app.db') })
const store = await DrizzleStore.create(db, { table: userSessions })
const sessions = new SessionManager<{ userId: string }>({ store, hashTokenInStore: true })

const server = createServer(
  sessions.loadAndSave(async (req, res) => {
    const ctx = contextOf(req)
    const { pathname, searchParams } = new URL(req.url ?? '/', 'http://localhost')
    const userId = sessions.getString(ctx, 'userId')

    switch (`${req.method} ${pathname}`) {
      case 'POST /sign-in': {
        // FOR THE DEMONSTRATION ONLY: anybody is who they say they are. See the example `login`.
        const signedIn = searchParams.get('user') ?? ''
        await sessions.renewToken(ctx)
        sessions.put(ctx, 'userId', signedIn)
        // The row is there once the session is committed. Later commits and renewals leave the column as it is.
        await sessions.commit(ctx)
        await db
          .update(userSessions)
          .set({ userId: signedIn })
          .where(eq(userSessions.token, sessions.storeToken(ctx)))
        return res.end('signed in\n')
      }

      case 'GET /devices': {
        const live = and(eq(userSessions.userId, userId), gt(userSessions.expiry, new Date()))
        return res.end(`${await db.$count(userSessions, live)}\n`)
      }

      case 'POST /sign-out-everywhere':
        await db.delete(userSessions).where(eq(userSessions.userId, userId))
        // The row has gone with the others; this makes the response delete the cookie, too.
        await sessions.destroy(ctx)
        return res.end('signed out everywhere\n')

      case 'GET /':
        return res.end(userId === '' ? 'Hello stranger\n' : `Hello ${userId}\n`)

      default:
        return res.writeHead(404).end('Not found\n')
    }
  }),
)

await serve(server)
