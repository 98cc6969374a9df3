import { randomUUID } from 'node:crypto'
import { type Context, day, hour, minute, SessionManager } from '@scs/core'

/** A message for the next page, and no other. */
export interface Flash {
  readonly role: 'status' | 'alert'
  readonly text: string
}

interface Session {
  /** Names the session in pages. Its token must not: who knows the token is signed in. */
  id: string
  userName: string
  userAgent: string
  signedIn: Date
  lastSeen: Date
  flash: Flash
}

// Without `persist` the cookie ends with the browser, unless the session is told to `rememberMe`.
// On https add `secure: true` and a name that begins with __Host-.
export const sessions = new SessionManager<Session>({
  lifetime: 12 * hour,
  cookie: { persist: false },
})

/** Makes the session of this request that of a user. */
export async function signIn(
  ctx: Context,
  userName: string,
  userAgent: string,
  remember: boolean,
): Promise<void> {
  // A token from before the login may be known to somebody else: session fixation.
  await sessions.renewToken(ctx)
  const now = new Date()
  sessions.put(ctx, 'id', randomUUID())
  sessions.put(ctx, 'userName', userName)
  sessions.put(ctx, 'userAgent', userAgent)
  sessions.put(ctx, 'signedIn', now)
  sessions.put(ctx, 'lastSeen', now)
  sessions.rememberMe(ctx, remember)
  if (remember) sessions.setDeadline(ctx, new Date(now.getTime() + 30 * day))
}

/** Notes that the user is here; at most once a minute, as each note is a write. */
export function noteVisit(ctx: Context): void {
  const lastSeen = sessions.getTime(ctx, 'lastSeen')?.getTime() ?? 0
  if (Date.now() - lastSeen >= minute) sessions.put(ctx, 'lastSeen', new Date())
}
