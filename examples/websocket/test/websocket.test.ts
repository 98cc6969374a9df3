import { once } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { Browser } from '../../test-support/browser.ts'
import { startExample, temporaryFolder } from '../../test-support/start-example.ts'

async function start() {
  const example = await startExample('websocket', temporaryFolder())
  return { ...example, browser: new Browser(example.url) }
}

function connect(url: string, headers: Record<string, string>): WebSocket {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers })
  onTestFinished(() => socket.terminate())
  return socket
}

// Asked of a socket that must not open: its error says with which status it was refused.
async function refusal(socket: WebSocket): Promise<string> {
  const [error] = await once(socket, 'error')
  return error.message
}

it('knows who opens a socket', async () => {
  const { url, browser } = await start()
  await browser.post('/sign-in?name=ada')

  const socket = connect(url, browser.headers())
  await once(socket, 'open')
  socket.send('hello')
  const [message] = await once(socket, 'message')
  expect(String(message)).toBe('ada: hello')
})

it('refuses a socket to those who are not signed in', async () => {
  const { url } = await start()
  expect(await refusal(connect(url, {}))).toContain('403')
  expect(await refusal(connect(url, { cookie: `session=${'A'.repeat(43)}` }))).toContain('403')
})

it('refuses a socket that a page of another site opens', async () => {
  const { url, browser } = await start()
  await browser.post('/sign-in?name=ada')

  const headers = browser.headers()
  expect(await refusal(connect(url, { ...headers, origin: 'http://evil.example' }))).toContain(
    '403',
  )
  expect(await refusal(connect(url, { ...headers, origin: 'null' }))).toContain('403')
  await once(connect(url, { ...headers, origin: url }), 'open')
})

it('closes the socket of a session that has been signed out', async () => {
  const { url, browser } = await start()
  await browser.post('/sign-in?name=ada')
  const socket = connect(url, browser.headers())
  await once(socket, 'open')

  await browser.post('/sign-out')
  socket.send('still here?')
  const [code, reason] = await once(socket, 'close')
  expect(code).toBe(1008)
  expect(String(reason)).toBe('signed out')
})

it('ends on SIGTERM, also with a socket open', async () => {
  const { url, browser, stop } = await start()
  await browser.post('/sign-in?name=ada')
  const socket = connect(url, browser.headers())
  await once(socket, 'open')

  const closed = once(socket, 'close')
  expect(await stop()).toBe(0)
  await closed
})
