import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Html } from './html.ts'
import { style } from './style.ts'

// The pages have one inline stylesheet and no script: nothing else is to run, should anybody get it into a page.
const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  'img-src data:',
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Sends a page. */
export function sendPage(res: ServerResponse, page: Html): void {
  res.setHeader('Content-Type', 'text/html; charset=utf-8')
  res.setHeader('Content-Security-Policy', contentSecurityPolicy)
  // "Back" after signing out must not show a page of the session that was.
  res.setHeader('Cache-Control', 'no-store')
  res.end(page.text)
}

/** Sends the browser on, by GET: to reload the page it comes to does not send the form again. */
export function redirect(res: ServerResponse, location: string): void {
  res.writeHead(303, { Location: location }).end()
}
