import type { ServerResponse } from 'node:http'

/** The first page: who is signed in, and the way in or out. */
export function home(res: ServerResponse, userName: string, flash: string): void {
  const body = userName
    ? `<p>Signed in as ${escapeHtml(userName)}.</p>
       <form method="post" action="/logout"><button>Sign out</button></form>`
    : '<p><a href="/login">Sign in</a></p>'
  page(res, flash, body)
}

/** The form that asks for name and password. */
export function loginForm(res: ServerResponse, flash: string): void {
  const body = `
    <form method="post">
      <p><label>Name <input name="name" autocomplete="username" required></label></p>
      <p><label>Password
        <input name="password" type="password" autocomplete="current-password" required></label></p>
      <p><label><input name="remember" type="checkbox"> Remember me</label></p>
      <button>Sign in</button>
    </form>
    <p>In this demonstration: <code>ada</code>, <code>analytical engine</code></p>`
  page(res, flash, body)
}

/** Sends the browser on, by GET: to reload the page it comes to does not send the form again. */
export function redirect(res: ServerResponse, location: string): void {
  res.writeHead(303, { Location: location }).end()
}

function page(res: ServerResponse, flash: string, body: string): void {
  const message = flash && `<p role="status">${escapeHtml(flash)}</p>`
  res.setHeader('Content-Type', 'text/html; charset=utf-8')
  // "Back" after signing out must not show a page of the session that was.
  res.setHeader('Cache-Control', 'no-store')
  res.end(`<!doctype html><html lang="en"><title>Login</title>${message}${body}</html>\n`)
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
