import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { contextOf, MemoryStore, SessionManager, type SessionManagerOptions } from '../src/index.ts'

const closing: Array<() => unknown> = []
afterEach(async () => {
  vi.useRealTimers()
  for (const close of closing.splice(0)) await close()
})

/** The part of a response that some middleware is given: it cannot be held. */
function partOf(res: ServerResponse): ServerResponse {
  return {
    get statusCode() {
      return res.statusCode
    },
    set statusCode(to) {
      res.statusCode = to
    },
    get writableEnded() {
      return res.writableEnded
    },
    end: (...args: Parameters<ServerResponse['end']>) => res.end(...args),
  } as ServerResponse
}

class BrokenStore extends MemoryStore {
  override find(): never {
    throw new Error('the store is down')
  }
}

/** The status of the answer to a request, and the messages that onError was given. */
async function answer(
  options: SessionManagerOptions,
  handler: (req: IncomingMessage, res: ServerResponse) => unknown,
  answering: () => unknown = () => {},
) {
  const errors: string[] = []
  const manager = new SessionManager({
    onError: (error) => errors.push((error as Error).message),
    ...options,
  })
  const listener = manager.loadAndSave(handler)
  const server = createServer((req, res) => {
    listener(req, partOf(res))
    answering()
  }).listen(0)
  closing.push(() => server.close())
  await once(server, 'listening')
  const cookie = `session=${'x'.repeat(43)}`
  const url = `http://localhost:${(server.address() as AddressInfo).port}`
  const response = await fetch(url, { headers: { cookie } })
  return { status: response.status, errors }
}

const failures: Array<[string, () => SessionManagerOptions, () => void]> = [
  ['loading fails', () => ({ store: new BrokenStore({ cleanupInterval: 0 }) }), () => {}],
  [
    'the handler fails',
    () => ({}),
    () => {
      throw new Error('no')
    },
  ],
]

describe.each(failures)('on a response that cannot be held, when %s', (_when, options, handler) => {
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('errorFunc failed')
      },
    ],
    ['rejects', () => Promise.reject(new Error('errorFunc failed'))],
  ])('an errorFunc that %s is reported, and the answer is a 500', async (_how, errorFunc) => {
    expect(await answer({ ...options(), errorFunc }, handler)).toEqual({
      ...{ status: 500, errors: ['errorFunc failed'] },
    })
  })

  it('an errorFunc whose promise ends nothing is a 500', async () => {
    const errorFunc = () => Promise.resolve()
    expect(await answer({ ...options(), errorFunc }, handler)).toEqual({ status: 500, errors: [] })
  })

  it('an errorFunc that only logs is a 500 after five seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    const pass = () => vi.advanceTimersByTime(5_000)
    expect(await answer({ ...options(), errorFunc() {} }, handler, pass)).toEqual({
      ...{ status: 500, errors: [] },
    })
  })

  it('a status above 500 that errorFunc sets is sent', async () => {
    const errorFunc = async (_req: IncomingMessage, res: ServerResponse) => {
      res.statusCode = 503
    }
    expect(await answer({ ...options(), errorFunc }, handler)).toEqual({ status: 503, errors: [] })
  })
})

it('on a response that cannot be held, a call that fails and that nobody awaits is reported to onError, and is no unhandled rejection', async () => {
  const manager: SessionManager = new SessionManager({ onError: (error) => errors.push(error) })
  const errors: unknown[] = []
  const rejections: unknown[] = []
  const unhandled = (error: unknown) => rejections.push(error)
  process.on('unhandledRejection', unhandled)
  closing.push(() => process.off('unhandledRejection', unhandled))
  const listener = manager.loadAndSave((req, res) => {
    void manager.destroy(contextOf(req))
    res.end()
  })
  const server = createServer((req, res) => void listener(req, partOf(res))).listen(0)
  closing.push(() => server.close())
  await once(server, 'listening')
  await fetch(`http://localhost:${(server.address() as AddressInfo).port}`)
  await new Promise((resolve) => setImmediate(resolve))
  expect(errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_HEADERS_SENT' })])
  expect(rejections).toEqual([])
})

it('the listener of a response that cannot be held gives undefined when it has ended the response, and else a promise', async () => {
  const returned: unknown[] = []
  const manager = new SessionManager()
  const listener = manager.loadAndSave((req, res) => {
    if (req.url === '/now') res.end()
    else setImmediate(() => res.end())
  })
  const server = createServer((req, res) => {
    returned.push(listener(req, partOf(res)))
  }).listen(0)
  closing.push(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  for (const path of ['/now', '/later']) await fetch(`http://localhost:${port}${path}`)
  expect(returned).toEqual([undefined, expect.any(Promise)])
})
