import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context } from '@scs/core'
import { accountPage } from './account-page.ts'
import { readForm } from './read-form.ts'
import { redirect, sendPage } from './respond.ts'
import { noteVisit, sessions, signIn } from './sessions.ts'
import { signInPage } from './sign-in-page.ts'
import { isPassword } from './users.ts'
import { signOutElsewhere, yourSessions } from './your-sessions.ts'

type Route = (ctx: Context, req: IncomingMessage, res: ServerResponse) => unknown

/** What the server answers to, by method and path. */
export const routes: ReadonlyMap<string, Route> = new Map([
  ['GET /', forUsers(showAccount)],
  ['GET /login', forStrangers(showSignIn)],
  ['POST /login', login],
  ['POST /logout', logout],
  ['GET /signed-out', forStrangers(showSignedOut)],
  ['POST /sessions/sign-out', forUsers(signOutOne)],
  ['POST /sessions/sign-out-others', forUsers(signOutOthers)],
])

async function showAccount(ctx: Context, _req: IncomingMessage, res: ServerResponse) {
  noteVisit(ctx)
  const flash = sessions.pop(ctx, 'flash')
  const userName = sessions.getString(ctx, 'userName')
  sendPage(res, accountPage(userName, await yourSessions(ctx), flash))
}

function showSignIn(ctx: Context, _req: IncomingMessage, res: ServerResponse) {
  sendPage(res, signInPage(sessions.pop(ctx, 'flash')))
}

async function login(ctx: Context, req: IncomingMessage, res: ServerResponse) {
  const form = await readForm(req)
  const userName = form.get('name') ?? ''
  if (!(await isPassword(userName, form.get('password') ?? ''))) {
    sessions.put(ctx, 'flash', { role: 'alert', text: 'Wrong name or password.' })
    return redirect(res, '/login')
  }
  await signIn(ctx, userName, req.headers['user-agent'] ?? '', form.has('remember'))
  sessions.put(ctx, 'flash', { role: 'status', text: `Welcome, ${userName}!` })
  redirect(res, '/')
}

async function logout(ctx: Context, _req: IncomingMessage, res: ServerResponse) {
  await sessions.destroy(ctx)
  // No flash here: what is put after `destroy` begins another session, with a cookie of its own.
  redirect(res, '/signed-out')
}

function showSignedOut(_ctx: Context, _req: IncomingMessage, res: ServerResponse) {
  sendPage(res, signInPage({ role: 'status', text: 'Signed out.' }))
}

async function signOutOne(ctx: Context, req: IncomingMessage, res: ServerResponse) {
  await signOutElsewhere(ctx, (await readForm(req)).get('id') ?? '')
  sessions.put(ctx, 'flash', { role: 'status', text: 'That session is signed out.' })
  redirect(res, '/')
}

async function signOutOthers(ctx: Context, _req: IncomingMessage, res: ServerResponse) {
  await signOutElsewhere(ctx)
  sessions.put(ctx, 'flash', { role: 'status', text: 'Signed out everywhere else.' })
  redirect(res, '/')
}

function forUsers(route: Route): Route {
  return (ctx, req, res) => (isSignedIn(ctx) ? route(ctx, req, res) : redirect(res, '/login'))
}

function forStrangers(route: Route): Route {
  return (ctx, req, res) => (isSignedIn(ctx) ? redirect(res, '/') : route(ctx, req, res))
}

function isSignedIn(ctx: Context): boolean {
  return sessions.exists(ctx, 'userName')
}
