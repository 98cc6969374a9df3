import { setImmediate as turn } from 'node:timers/promises'
import {
  bindContext,
  type Context,
  contextKey,
  contextOf,
  SessionManager,
  type SessionManagerOptions,
  withValue,
} from '@scs/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { CaseStore } from '../../../test/conversations/stores.ts'
import { type LoadAndSaveFetchOptions, loadAndSaveFetch } from '../src/index.ts'

type Answer = (
  ctx: Context,
  manager: SessionManager,
  request: Request,
) => Response | Promise<Response>

/** A manager on a store that does not answer at once; `ask` asks a handler that answers in the given way. */
function site(options: SessionManagerOptions = {}) {
  const store = new CaseStore(1)
  const errors: unknown[] = []
  const manager = new SessionManager({ store, onError: (error) => errors.push(error), ...options })
  const ask = (
    answer: Answer,
    init: RequestInit = {},
    fetchOptions: LoadAndSaveFetchOptions = {
      errorResponse: (_request, error) =>
        new Response(`failed: ${(error as Error).message}`, { status: 503 }),
    },
  ) =>
    loadAndSaveFetch(
      manager,
      (request) => answer(contextOf(request), manager, request),
      fetchOptions,
    )(new Request('http://localhost/', init))
  return { store, manager, errors, ask }
}

const put: Answer = (ctx, manager) => {
  manager.put(ctx, 'name', 'Ada')
  return new Response('put')
}

const name: Answer = (ctx, manager) => new Response(manager.getString(ctx, 'name'))

/** What sends the cookies of `response` back. */
const withCookiesOf = (response: Response): RequestInit => ({
  headers: {
    cookie: response.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; '),
  },
})

const unknownToken = { headers: { cookie: `session=${'a'.repeat(43)}` } }

/** A body that runs `act` between its two pieces. */
function bodyWith(act: () => unknown): ReadableStream<Uint8Array> {
  const pieces = (async function* () {
    yield 'x'
    await turn()
    await act()
    yield 'y'
  })()
  return ReadableStream.from(pieces).pipeThrough(new TextEncoderStream())
}

afterEach(() => void vi.restoreAllMocks())

describe('the response', () => {
  it('has the cookie, once the session is in the store', async () => {
    const { ask, store } = site()
    const response = await ask(put)
    expect(store.size).toBe(1)
    expect(response.headers.getSetCookie()).toEqual([expect.stringMatching(/^session=[\w-]{43}; /)])
    expect(await response.text()).toBe('put')
    expect(await (await ask(name, withCookiesOf(response))).text()).toBe('Ada')
  })

  it.each([
    [null, 'no-cache="Set-Cookie"'],
    ['public, max-age=60', 'private, max-age=60, no-cache="Set-Cookie"'],
  ])('with Cache-Control %s: kept out of shared caches', async (theirs, ours) => {
    const { ask } = site()
    const response = await ask((ctx, manager) => {
      manager.put(ctx, 'name', 'Ada')
      return new Response('', { headers: theirs ? { 'Cache-Control': theirs } : {} })
    })
    expect(response.headers.get('cache-control')).toBe(ours)
  })

  it("is the handler's own, for a client without a session that is left alone", async () => {
    const { ask } = site()
    const theirs = new Response('x', { headers: { Vary: 'Origin' } })
    const response = await ask(() => theirs)
    expect(response).toBe(theirs)
    expect(response.headers.get('vary')).toBe('Origin, Cookie')
    expect(response.headers.getSetCookie()).toEqual([])
  })

  it("is the handler's own when it has no body, with its cookie too", async () => {
    const { ask } = site()
    const theirs = new Response(null, { status: 204 })
    const response = await ask((ctx, manager) => {
      manager.put(ctx, 'name', 'Ada')
      return theirs
    })
    expect(response).toBe(theirs)
    expect(response.headers.getSetCookie()).toHaveLength(1)
  })

  it.each([
    ['a redirect', () => Response.redirect('https://example.org/', 303), 303],
    ['a fetched response', () => fetch('data:text/plain,x'), 200],
  ])('%s, whose headers cannot be changed, is copied', async (_what, make, status) => {
    const { ask } = site()
    const theirs = await make()
    const body = theirs.clone()
    expect(() => theirs.headers.append('X-A', 'b')).toThrow(TypeError)
    const response = await ask((ctx, manager) => {
      manager.put(ctx, 'name', 'Ada')
      return theirs
    })
    expect([response.status, response.statusText]).toEqual([status, theirs.statusText])
    expect(response.headers.get('location')).toBe(theirs.headers.get('location'))
    expect(await response.text()).toBe(await body.text())
    expect(await (await ask(name, withCookiesOf(response))).text()).toBe('Ada')
  })

  it('to an upgrade, which cannot be copied, is left alone', async () => {
    const { ask } = site()
    // As runtimes make it that upgrade by a response; Node lets nobody make one.
    const redirect = Response.redirect('https://example.org/')
    const upgrade = Object.defineProperty(redirect, 'status', { value: 101 })
    expect(await ask(() => upgrade)).toBe(upgrade)
  })

  it('deletes the cookie of a destroyed session', async () => {
    const { ask, store } = site()
    const cookies = withCookiesOf(await ask(put))
    const response = await ask(async (ctx, manager) => {
      await manager.destroy(ctx)
      return new Response('bye')
    }, cookies)
    expect(store.size).toBe(0)
    expect(response.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^session=; .*Max-Age=0/),
    ])
  })

  it('of a session that was revoked meanwhile has no cookie', async () => {
    const { ask, store, errors } = site()
    const cookies = withCookiesOf(await ask(put))
    const response = await ask(async (ctx, manager) => {
      manager.put(ctx, 'name', 'Grace')
      for (const token of (await store.all()).keys()) await store.delete(token)
      return new Response('x')
    }, cookies)
    expect([response.status, response.headers.getSetCookie()]).toEqual([200, []])
    expect(errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_REVOKED' })])
    expect(store.size).toBe(0)
  })
})

describe('an error', () => {
  it('of the handler is answered by errorResponse, and nothing is committed', async () => {
    const { ask, store } = site()
    const response = await ask((ctx, manager) => {
      manager.put(ctx, 'name', 'Ada')
      throw new Error('a conflict')
    })
    expect([response.status, await response.text()]).toEqual([503, 'failed: a conflict'])
    expect(response.headers.getSetCookie()).toEqual([])
    expect(response.headers.get('vary')).toBe('Cookie')
    expect(store.size).toBe(0)
  })

  it('in loading is answered by errorResponse: the handler is not called', async () => {
    const { ask, store } = site()
    const handler = vi.fn(name)
    store.readFault = new Error('store down')
    const response = await ask(handler, unknownToken)
    expect([response.status, await response.text()]).toEqual([503, 'failed: store down'])
    expect(response.headers.get('vary')).toBe('Cookie')
    expect(handler).not.toHaveBeenCalled()
  })

  it('in committing is answered by errorResponse, and nothing of the response is left', async () => {
    const { ask, store } = site()
    store.fault = new Error('disk full')
    const response = await ask((ctx, manager) => {
      manager.put(ctx, 'name', 'Ada')
      return new Response('secret', { headers: { 'Set-Cookie': 'theirs=1' } })
    })
    expect([response.status, await response.text()]).toEqual([503, 'failed: disk full'])
    expect(response.headers.getSetCookie()).toEqual([])
  })

  it('without errorResponse is logged, and answered with a plain 500', async () => {
    const { ask } = site()
    const log = vi.spyOn(console, 'error').mockReturnValue()
    const error = new Error('a conflict')
    const response = await ask(() => Promise.reject(error), {}, {})
    expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error\n'])
    expect(Object.fromEntries(response.headers)).toEqual({
      'content-type': 'text/plain; charset=utf-8',
      vary: 'Cookie',
      'x-content-type-options': 'nosniff',
    })
    expect(log).toHaveBeenCalledWith('scs:', error)
  })

  it('of errorResponse is told to onError, and answered with a plain 500', async () => {
    const { ask, errors } = site()
    const second = new Error('no template')
    const response = await ask(
      () => Promise.reject(new Error('a conflict')),
      {},
      {
        errorResponse: () => Promise.reject(second),
      },
    )
    expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error\n'])
    expect(errors).toEqual([second])
  })
})

describe('a client that has gone', () => {
  it('ends the loading, and nobody is asked for an answer', async () => {
    const { ask, store } = site()
    const client = new AbortController()
    const errorResponse = vi.fn(() => new Response())
    store.find = () => {
      client.abort()
      return new Promise(() => {})
    }
    await ask(name, { ...unknownToken, signal: client.signal }, { errorResponse })
    expect(errorResponse).not.toHaveBeenCalled()
  })

  it('is known to the handler by the signal of its context, and ends no write', async () => {
    const { ask, store } = site()
    const client = new AbortController()
    const response = await ask(
      (ctx, manager) => {
        manager.put(ctx, 'name', 'Ada')
        expect(ctx.signal?.aborted).toBe(false)
        client.abort()
        expect(ctx.signal?.aborted).toBe(true)
        return new Response('x')
      },
      { signal: client.signal },
    )
    expect(response.headers.getSetCookie()).toHaveLength(1)
    expect(store.size).toBe(1)
  })
})

describe('while the body streams', () => {
  async function signedIn() {
    const made = site()
    return { ...made, cookies: withCookiesOf(await made.ask(put)) }
  }

  const rename: (act?: () => unknown) => Answer = (act) => (ctx, manager) =>
    new Response(
      bodyWith(() => {
        manager.put(ctx, 'name', 'Grace')
        return act?.()
      }),
    )

  it('what is changed is committed before its end', async () => {
    const { ask, cookies } = await signedIn()
    expect(await (await ask(rename(), cookies)).text()).toBe('xy')
    expect(await (await ask(name, cookies)).text()).toBe('Grace')
  })

  it('what was changed before it began is committed once', async () => {
    const { ask, store, cookies } = await signedIn()
    const before = store.writes
    const response = await ask((ctx, manager) => {
      manager.put(ctx, 'name', 'Grace')
      return new Response(bodyWith(() => {}))
    }, cookies)
    expect(await response.text()).toBe('xy')
    expect(store.writes - before).toBe(1)
  })

  it('nothing of it is read before it is asked for', async () => {
    const { ask, cookies } = await signedIn()
    const pull = vi.fn((controller: ReadableStreamDefaultController) => controller.close())
    const body = new ReadableStream({ pull }, { highWaterMark: 0 })
    const response = await ask(() => new Response(body), cookies)
    await turn()
    expect(pull).not.toHaveBeenCalled()
    expect(await response.text()).toBe('')
    expect(pull).toHaveBeenCalledOnce()
  })

  it('what is changed is committed when nobody wants the rest, and the source is told', async () => {
    const { ask, cookies } = await signedIn()
    const cancel = vi.fn()
    const response = await ask((ctx, manager) => {
      const pull = (controller: ReadableStreamDefaultController) => {
        manager.put(ctx, 'name', 'Grace')
        controller.enqueue(new TextEncoder().encode('x'))
      }
      return new Response(new ReadableStream({ pull, cancel }, { highWaterMark: 0 }))
    }, cookies)
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.cancel('enough')
    expect(cancel).toHaveBeenCalledWith('enough')
    expect(await (await ask(name, cookies)).text()).toBe('Grace')
  })

  it('what is changed is committed when the body breaks off', async () => {
    const { ask, cookies } = await signedIn()
    const broken = new Error('the source has gone')
    const response = await ask(
      rename(() => Promise.reject(broken)),
      cookies,
    )
    await expect(response.text()).rejects.toBe(broken)
    expect(await (await ask(name, cookies)).text()).toBe('Grace')
  })

  it('a commit that fails breaks the body off, and onError hears of it', async () => {
    const { ask, store, errors, cookies } = await signedIn()
    const response = await ask(rename(), cookies)
    store.fault = new Error('disk full')
    await expect(response.text()).rejects.toBe(store.fault)
    expect(errors).toEqual([store.fault])
  })

  it('a change that the client could not learn of throws', async () => {
    const { ask, store } = site()
    const response = await ask(rename())
    await expect(response.text()).rejects.toMatchObject({ code: 'ERR_SESSION_HEADERS_SENT' })
    expect(store.size).toBe(0)
  })
})

describe('several managers', () => {
  function pair() {
    const outer = site({ cookie: { name: 'outer' } })
    const inner = site({ cookie: { name: 'inner' } })
    const errorResponse = (_request: Request, error: unknown) =>
      new Response(`failed: ${(error as Error).message}`, {
        status: 503,
        headers: { 'Cache-Control': 'max-age=60' },
      })
    const ask = (act: (ctx: Context) => unknown) =>
      loadAndSaveFetch(
        outer.manager,
        loadAndSaveFetch(
          inner.manager,
          async (request) => {
            const ctx = contextOf(request)
            outer.manager.put(ctx, 'name', 'Ada')
            inner.manager.put(ctx, 'name', 'Grace')
            await act(ctx)
            return new Response('x')
          },
          { errorResponse },
        ),
        { errorResponse },
      )(new Request('http://localhost/'))
    return { outer, inner, ask }
  }

  const namesOf = (response: Response) =>
    response.headers.getSetCookie().map((line) => line.split('=')[0])

  it('set a cookie each, the inner one first', async () => {
    const { ask } = pair()
    expect(namesOf(await ask(() => {}))).toEqual(['inner', 'outer'])
  })

  it('all commit nothing when the handler fails', async () => {
    const { ask, inner, outer } = pair()
    const response = await ask(() => Promise.reject(new Error('a conflict')))
    expect([response.status, namesOf(response)]).toEqual([503, []])
    expect([inner.store.size, outer.store.size]).toEqual([0, 0])
  })

  it('the answer to a failure of the outer one keeps the cookie of the inner, out of shared caches', async () => {
    const { ask, outer } = pair()
    outer.store.fault = new Error('disk full')
    const response = await ask(() => {})
    expect([response.status, await response.text()]).toEqual([503, 'failed: disk full'])
    expect(namesOf(response)).toEqual(['inner'])
    expect(response.headers.get('cache-control')).toBe('private, max-age=60, no-cache="Set-Cookie"')
  })

  it('so it does when the inner session was destroyed', async () => {
    const { ask, inner, outer } = pair()
    outer.store.fault = new Error('disk full')
    const response = await ask((ctx) => inner.manager.destroy(ctx))
    expect(response.headers.getSetCookie()).toEqual([expect.stringMatching(/^inner=; .*Max-Age=0/)])
  })

  it('the answer to a failure of the inner one commits the outer session', async () => {
    const { ask, inner, outer } = pair()
    inner.store.fault = new Error('disk full')
    const response = await ask(() => {})
    expect([response.status, namesOf(response)]).toEqual([503, ['outer']])
    expect(outer.store.size).toBe(1)
  })
})

it('adds the session to what was bound to the request', async () => {
  const manager = new SessionManager()
  const key = contextKey<string>('who')
  const request = new Request('http://localhost/')
  bindContext(request, withValue(contextOf(request), key, 'Ada'))
  const serve = loadAndSaveFetch(manager, (request) => {
    const ctx = contextOf(request)
    return new Response(`${ctx.value(key)} ${manager.status(ctx)}`)
  })
  expect(await (await serve(request)).text()).toBe('Ada unmodified')
})

it('passes on what the handler is given beside the request', async () => {
  const serve = loadAndSaveFetch(
    new SessionManager(),
    (_request: Request, env: { readonly NAME: string }, times: number) =>
      new Response(env.NAME.repeat(times)),
  )
  const response = await serve(new Request('http://localhost/'), { NAME: 'ab' }, 2)
  expect(await response.text()).toBe('abab')
})

describe('what was written by mistake is a TypeError that says what to write', () => {
  const manager = new SessionManager()
  const handler = () => new Response()
  const usage = 'write loadAndSaveFetch(sessionManager, (request) => …)'

  it.each<[string, unknown[], string]>([
    ['without a manager', [undefined, handler], `was given undefined: ${usage}`],
    ['without a handler', [manager], `loadAndSaveFetch takes a handler as well: ${usage}`],
    ['with the two exchanged', [handler, manager], `was given a function: ${usage}`],
    ['with options in the handler’s place', [manager, {}], 'takes a handler as well'],
    ['with an option that is none', [manager, handler, { onError() {} }], 'has no option onError'],
    [
      'with an errorResponse that is no function',
      [manager, handler, { errorResponse: 500 }],
      'errorResponse must be a function',
    ],
  ])('at once, %s', (_what, args, message) => {
    const call = () => (loadAndSaveFetch as (...args: unknown[]) => unknown)(...args)
    expect(call).toThrow(TypeError)
    expect(call).toThrow(message)
  })

  it('at the first request, where it was given uncalled, or to node:http', () => {
    const uncalled = loadAndSaveFetch as unknown as (...args: unknown[]) => unknown
    expect(() => uncalled(new Request('http://localhost/'), {})).toThrow(
      `was given an instance of Request: ${usage}`,
    )
    const serve = loadAndSaveFetch(manager, handler) as (...args: unknown[]) => unknown
    for (const args of [[{ headers: {}, url: '/' }, {}], [undefined], []]) {
      expect(() => serve(...args)).toThrow(
        /^loadAndSaveFetch makes a handler \(request: Request\) => Response, and was called otherwise/,
      )
    }
  })
})
