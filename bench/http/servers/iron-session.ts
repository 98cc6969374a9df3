import { createServer } from 'node:http'
import { getIronSession } from 'iron-session'
import { answer } from '../sessions.ts'
import { filling } from './fill.ts'
import type { Open } from './open.ts'

/** iron-session: the session is an encrypted cookie, and asked for where it is needed. */
export const openIronSession: Open = async () => {
  const options = {
    password: 'a password of thirty-two characters at least',
    cookieName: 'session',
    cookieOptions: { secure: false },
  }
  let visits = 0
  return createServer(async (req, res) => {
    if (req.url === '/untouched') {
      res.end(answer)
      return
    }
    const session = await getIronSession<Record<string, unknown>>(req, res, options)
    switch (req.url) {
      case '/read':
        res.end(session.name)
        return
      case '/visits':
        res.end(String(session.visits))
        return
      case '/write':
        session.visits = visits++
        break
      case '/visit':
        session.name = answer
        break
      default:
        Object.assign(session, filling(req.url))
    }
    await session.save()
    res.end(answer)
  })
}
