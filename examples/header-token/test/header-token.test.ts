import { expect, it } from 'vitest'
import { startExample, temporaryFolder } from '../../test-support/start-example.ts'

async function start() {
  const { url } = await startExample('header-token', temporaryFolder())
  return (method: string, token?: string) =>
    fetch(`${url}/count`, { method, headers: token === undefined ? {} : { 'X-Session': token } })
}

it('gives the token in a header, with its expiry, and never a cookie', async () => {
  const request = await start()
  const first = await request('POST')
  const token = first.headers.get('x-session') ?? ''
  expect(await first.text()).toBe('1\n')
  expect(token).toMatch(/^[\w-]{43}$/)
  expect(Date.parse(first.headers.get('x-session-expiry') ?? '')).toBeGreaterThan(Date.now())
  expect(first.headers.getSetCookie()).toEqual([])
  expect(first.headers.get('cache-control')).toBe('no-store')

  const second = await request('POST', token)
  expect(await second.text()).toBe('2\n')
  expect(second.headers.get('x-session')).toBe(token)
})

it('says nothing of the token when the session was only read', async () => {
  const request = await start()
  const token = (await request('POST')).headers.get('x-session') ?? ''

  const read = await request('GET', token)
  expect(await read.text()).toBe('1\n')
  expect(read.headers.has('x-session')).toBe(false)
})

it('takes up no token that a client has made up', async () => {
  const request = await start()
  for (const token of ['A'.repeat(43), 'A'.repeat(8_000), '%00', '']) {
    const response = await request('POST', token)
    expect(await response.text()).toBe('1\n')
    expect(response.headers.get('x-session')).not.toBe(token)
  }
})

it('tells the client to forget a token whose session was destroyed', async () => {
  const request = await start()
  const token = (await request('POST')).headers.get('x-session') ?? ''

  expect((await request('DELETE', token)).headers.get('x-session')).toBe('')
  expect(await (await request('GET', token)).text()).toBe('0\n')
})

it('does not commit what a handler did before it threw', async () => {
  const request = await start()
  const token = (await request('POST')).headers.get('x-session') ?? ''
  await request('POST', token)
  await request('POST', token)

  const failed = await request('POST', token)
  expect(failed.status).toBe(500)
  expect(failed.headers.has('x-session')).toBe(false)
  expect(await (await request('GET', token)).text()).toBe('3\n')
})
