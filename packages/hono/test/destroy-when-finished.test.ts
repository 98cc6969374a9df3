import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect, type Http2ServerResponse } from 'node:http2'
import { expect, it } from 'vitest'
import { listen } from '../../../test/conversations/listen.ts'
import { destroyWhenFinished } from '../src/destroy-when-finished.ts'

/** What a client receives over HTTP/2 that sends on and on, and how its stream ends. */
async function answerOf(act: (req: IncomingMessage, res: ServerResponse) => unknown) {
  const listening = await listen((req, res) => {
    destroyWhenFinished(res)
    return act(req, res)
  }, 'h2c')
  const session = connect(listening.url.replace('h2c', 'http'))
  const upload = session.request({ ':method': 'POST' })
  const errors: Error[] = []
  upload.on('error', (error) => errors.push(error))
  upload.write('and so on')
  const chunks: Buffer[] = []
  upload.on('data', (chunk) => chunks.push(chunk))
  await new Promise((resolve) => upload.once('close', resolve))
  session.destroy()
  await listening.close()
  return { body: Buffer.concat(chunks).toString(), errors }
}

it('a response that is destroyed right after its end arrives', async () => {
  const { body, errors } = await answerOf((_req, res) => res.end('x').destroy())
  expect([body, errors]).toEqual(['x', []])
})

it('one that has left is destroyed at once', async () => {
  const { body } = await answerOf(async (req, res) => {
    // Otherwise Node itself would close the stream.
    await once(req, 'data')
    res.end('x')
    await once((res as unknown as Http2ServerResponse).stream, 'finish')
    res.destroy()
  })
  expect(body).toBe('x')
})

it('one that has not ended is destroyed at once', async () => {
  const { errors } = await answerOf(async (req, res) => {
    await once(req, 'data')
    res.flushHeaders()
    res.destroy()
  })
  expect(errors).toEqual([])
})

it('one that is destroyed with an error breaks off', async () => {
  const { errors } = await answerOf((_req, res) => res.end('x').destroy(new Error('enough')))
  expect(errors).toEqual([expect.objectContaining({ code: 'ERR_HTTP2_STREAM_ERROR' })])
})
