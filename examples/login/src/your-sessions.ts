import type { Context } from '@scs/core'
import { sessions } from './sessions.ts'

/** One of a user's sessions, as it may be shown to the user. */
export interface YourSession {
  readonly id: string
  readonly isPresent: boolean
  readonly userAgent: string
  readonly signedIn: Date
  readonly lastSeen: Date
}

/** All sessions of the user who is signed in: the present one first, then those seen last. */
export async function yourSessions(ctx: Context): Promise<YourSession[]> {
  const present = sessions.getString(ctx, 'id')
  // By id, as a store may give a session twice that is written meanwhile.
  const found = new Map<string, YourSession>()
  await eachOfUser(ctx, (session, id) => {
    found.set(id, {
      id,
      isPresent: id === present,
      userAgent: sessions.getString(session, 'userAgent'),
      signedIn: sessions.getTime(session, 'signedIn') ?? new Date(0),
      lastSeen: sessions.getTime(session, 'lastSeen') ?? new Date(0),
    })
  })
  return [...found.values()].sort(
    (a, b) =>
      Number(b.isPresent) - Number(a.isPresent) || b.lastSeen.getTime() - a.lastSeen.getTime(),
  )
}

/** Signs the user out elsewhere: of the session `id`, or, without one, of every session but the present one. */
export async function signOutElsewhere(ctx: Context, id?: string): Promise<void> {
  const present = sessions.getString(ctx, 'id')
  await eachOfUser(ctx, async (session, other) => {
    if (other !== present && other === (id ?? other)) await sessions.destroy(session)
  })
}

// Reads every session of the store: where they are many, keep the user in a column (examples/own-table).
async function eachOfUser(ctx: Context, fn: (session: Context, id: string) => unknown) {
  const userName = sessions.getString(ctx, 'userName')
  await sessions.iterate(ctx, async (session) => {
    const isTheirs = userName !== '' && sessions.getString(session, 'userName') === userName
    if (isTheirs) await fn(session, sessions.getString(session, 'id'))
  })
}
