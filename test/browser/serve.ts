import type { ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { listen } from '../conversations/listen.ts'
import type { Listener } from '../conversations/server-kind.ts'

/** The address of a page, on whatever name of this machine. */
export type At = (host: string, path?: string) => string

/** Serves under every name of the loopback interface, `https` over HTTP/2; closed after the test. */
export async function serve(scheme: 'http' | 'https', listener: Listener): Promise<At> {
  const { port, close } = await listen(listener, scheme === 'http' ? 'http' : 'h2')
  onTestFinished(close)
  return (host, path = '/') => `${scheme}://${host}:${port}${path}`
}

/** A page with `content`. Nobody asks for its icon: requests are those that a test makes. */
export function sendPage(res: ServerResponse, content = ''): void {
  res.setHeader('Content-Type', 'text/html; charset=utf-8')
  res.end(`<!doctype html><link rel="icon" href="data:,"><body>${content}</body>`)
}
