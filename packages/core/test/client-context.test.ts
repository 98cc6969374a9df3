import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { background, contextKey, withSignal, withValue } from '../src/context.ts'
import { ClientContext } from '../src/http/client-context.ts'

const server = createServer()
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
})
afterAll(() => {
  server.close()
})

/** A response that waits to be written, and a way for its client to go. */
async function response(): Promise<{ res: ServerResponse; leave: () => void }> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const [, res] = await once(server, 'request')
  return { res, leave: () => socket.destroy() }
}

test('has the values of its parent, and one signal', async () => {
  const { res, leave } = await response()
  const name = contextKey<string>('name')
  const ctx = new ClientContext(withValue(background(), name, 'Ada'), res)
  expect(ctx.value(name)).toBe('Ada')
  expect(ctx.signal.aborted).toBe(false)
  expect(withValue(ctx, name, 'Grace').signal).toBe(ctx.signal)
  leave()
})

test('makes no signal, and listens for nothing, until it is asked', async () => {
  const { res, leave } = await response()
  const before = res.listenerCount('close')
  const ctx = new ClientContext(background(), res)
  expect(res.listenerCount('close')).toBe(before)
  expect(ctx.signal).toBe(ctx.signal)
  expect(res.listenerCount('close')).toBe(before + 1)
  leave()
})

test('contexts of one response share one listener of close', async () => {
  const { res, leave } = await response()
  const before = res.listenerCount('close')
  const signals = Array.from({ length: 6 }, () => new ClientContext(background(), res).signal)
  expect(res.listenerCount('close')).toBe(before + 1)
  const aborted = Promise.all(signals.map((signal) => once(signal, 'abort')))
  leave()
  await aborted
})

test.each(['the client', 'the parent'])('is aborted when %s goes', async (who) => {
  const { res, leave } = await response()
  const parent = new AbortController()
  const { signal } = new ClientContext(withSignal(background(), parent.signal), res)
  expect(signal.aborted).toBe(false)
  const aborted = once(signal, 'abort')
  if (who === 'the client') leave()
  else parent.abort()
  await aborted
  expect(parent.signal.aborted).toBe(who === 'the parent')
  leave()
})

test('is aborted from the start when the client has gone before', async () => {
  const { res, leave } = await response()
  const closed = once(res, 'close')
  leave()
  await closed
  expect(new ClientContext(background(), res).signal.aborted).toBe(true)
})

test('is not aborted by the end of a response', async () => {
  const { res, leave } = await response()
  const { signal } = new ClientContext(background(), res)
  const closed = once(res, 'close')
  res.end('done')
  await closed
  expect(signal.aborted).toBe(false)
  leave()
})
